SELECT string_agg(version, ', ' ORDER BY version) FROM __diesel_schema_migrations WHERE version < $1;
