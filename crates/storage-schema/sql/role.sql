SELECT r.rolname::text AS name, r.rolsuper AS is_superuser,
       EXISTS (SELECT FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace
               AND c.relname = ANY($2) AND pg_has_role(r.oid, c.relowner, 'MEMBER')) AS is_owner
FROM pg_roles r WHERE r.rolname = coalesce($1, current_user);
