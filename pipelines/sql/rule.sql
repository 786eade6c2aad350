select rule_id, citation, says, source, text_dated, verified_on, applies_to, state from parsed.rule
