"""A report as a page, a document, a workbook or a picture. Takes a Report, returns text or bytes; opens no file but its own templates."""
