"""The legislator's edition: one page, one number, one picture and one request, for each member from a file of recipients."""
