SELECT quote_ident($1);
