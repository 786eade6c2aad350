"""The therapist's edition: a letter to each person named, before anybody else is shown the name."""
