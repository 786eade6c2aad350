select profession, credential_type, prefix, title from parsed.profession
