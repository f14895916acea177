SELECT set_config('search_path', concat_ws(', ', 'public',
    (SELECT quote_ident(n.nspname) FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
     WHERE e.extname = 'vector')), true),
set_config('timezone', 'UTC', true), set_config('datestyle', 'ISO', true);
