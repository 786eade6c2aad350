select item, says, source, dated from parsed.geography_fact
