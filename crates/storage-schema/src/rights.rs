//! The rights of the server's role, compared with those that it needs.
//!
//! Effective rights count, from any source: a grant to the role, to PUBLIC, to a role it is a member of, or on a column
//! of a table. Rights that PostgreSQL gives to every role on objects outside this schema are ignored.

use diesel::sql_types::{Array, Bool, Nullable, Text};
use diesel::{OptionalExtension, QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::expected::{self, FUNCTIONS, MIGRATIONS_TABLE, TABLES};
use crate::{Difference, SchemaError};

/// How a role's rights differ from those that the server needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleReport {
    /// The role.
    pub role: String,
    /// Why nothing can be kept from it, as the rest of a sentence: it owns the tables, or is a superuser. Then no
    /// differences are listed.
    pub unrestricted: Option<&'static str>,
    /// The missing and the excess rights, by name.
    pub differences: Vec<Difference>,
}

/// One right on one object, whether the role has it or not.
#[derive(Debug, QueryableByName)]
struct RightRow {
    /// table, column, sequence, function, parameter, schema, database, attribute or membership.
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    privilege: String,
    /// Whether the role has it on the object as a whole.
    #[diesel(sql_type = Bool)]
    whole: bool,
    /// Whether the role has it on any part of the object.
    #[diesel(sql_type = Bool)]
    part: bool,
}

/// Compares the rights of `role`, or of the connection's own role, with those that the server needs.
///
/// # Errors
/// When the catalogue cannot be read, or no such role exists. Differences are not errors.
pub async fn verify_role(
    connection: &mut AsyncPgConnection,
    role: Option<&str>,
) -> Result<RoleReport, SchemaError> {
    let Some(found) = find(connection, role).await? else {
        let role = role.unwrap_or_default().to_owned();
        let differences = vec![Difference::Missing { what: format!("role {role}") }];
        return Ok(RoleReport { role, unrestricted: None, differences });
    };
    let (role, unrestricted) = (found.name.clone(), found.unrestricted());
    let rows = if unrestricted.is_none() { rights(connection, &role).await? } else { Vec::new() };
    let differences = rows.iter().filter_map(|row| row.difference(&role)).collect();
    Ok(RoleReport { role, unrestricted, differences })
}

/// A role as the catalogue has it.
#[derive(Debug, QueryableByName)]
pub(crate) struct RoleRow {
    #[diesel(sql_type = Text)]
    pub(crate) name: String,
    #[diesel(sql_type = Bool)]
    is_superuser: bool,
    #[diesel(sql_type = Bool)]
    is_owner: bool,
}

impl RoleRow {
    /// Why nothing can be kept from this role.
    pub(crate) const fn unrestricted(&self) -> Option<&'static str> {
        match (self.is_superuser, self.is_owner) {
            (true, _) => Some("is a superuser"),
            (false, true) => Some("owns the tables or is a member of the role that owns them"),
            (false, false) => None,
        }
    }
}

/// The role of that name, or the connection's own.
pub(crate) async fn find(
    connection: &mut AsyncPgConnection,
    role: Option<&str>,
) -> Result<Option<RoleRow>, SchemaError> {
    sql_query(
        "SELECT r.rolname::text AS name, r.rolsuper AS is_superuser, \
                EXISTS (SELECT FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace \
                        AND c.relname = ANY($2) AND pg_has_role(r.oid, c.relowner, 'MEMBER')) AS is_owner \
         FROM pg_roles r WHERE r.rolname = coalesce($1, current_user)",
    )
    .bind::<Nullable<Text>, _>(role)
    .bind::<Array<Text>, _>(table_names())
    .get_result(connection)
    .await
    .optional()
    .map_err(SchemaError::during("the list of roles"))
}

pub(crate) fn table_names() -> Vec<&'static str> {
    TABLES.iter().map(|table| table.name).collect()
}

/// The schema's own tables, their partitions, and the list of migrations. MAINTAIN came with PostgreSQL 17.
const RIGHTS: &str = "\
    WITH role AS (SELECT * FROM pg_roles WHERE rolname = $1), \
    relation AS ( \
        SELECT c.oid, c.relname::text AS name FROM pg_class c \
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') \
          AND (c.relname = ANY($2) OR EXISTS ( \
              SELECT FROM pg_inherits h JOIN pg_class p ON p.oid = h.inhparent \
              WHERE h.inhrelid = c.oid AND p.relnamespace = 'public'::regnamespace AND p.relname = ANY($2)))), \
    privilege AS ( \
        SELECT name || suffix AS name, name IN ('SELECT', 'INSERT', 'UPDATE', 'REFERENCES') AS has_columns \
        FROM unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER', 'MAINTAIN']) \
                 AS names(name), \
             unnest(ARRAY['', ' WITH GRANT OPTION']) AS suffixes(suffix) \
        WHERE name <> 'MAINTAIN' OR current_setting('server_version_num')::integer >= 170000) \
    SELECT 'table' AS kind, t.name, p.name AS privilege, has_table_privilege(r.oid, t.oid, p.name) AS whole, \
           CASE WHEN p.has_columns AND (p.name <> 'UPDATE' OR t.name <> ALL($4)) \
                THEN has_any_column_privilege(r.oid, t.oid, p.name) \
                ELSE has_table_privilege(r.oid, t.oid, p.name) END AS part \
    FROM role r, relation t, privilege p \
    UNION ALL \
    SELECT 'column', t.name || '.' || a.attname, 'UPDATE', has_column_privilege(r.oid, t.oid, a.attnum, 'UPDATE'), \
           has_column_privilege(r.oid, t.oid, a.attnum, 'UPDATE') AND NOT has_table_privilege(r.oid, t.oid, 'UPDATE') \
    FROM role r, relation t JOIN pg_attribute a ON a.attrelid = t.oid \
    WHERE t.name = ANY($4) AND a.attnum > 0 AND NOT a.attisdropped \
    UNION ALL \
    SELECT 'sequence', s.relname, p.name, has_sequence_privilege(r.oid, s.oid, p.name), \
           has_sequence_privilege(r.oid, s.oid, p.name) \
    FROM role r, unnest(ARRAY['USAGE', 'SELECT', 'UPDATE']) AS p(name), pg_class s \
    WHERE s.relkind = 'S' AND EXISTS ( \
        SELECT FROM pg_depend d JOIN relation t ON t.oid = d.refobjid \
        WHERE d.objid = s.oid AND d.classid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')) \
    UNION ALL \
    SELECT 'function', f.signature, 'EXECUTE', has_function_privilege(r.oid, to_regprocedure('public.' || f.signature), 'EXECUTE'), \
           false \
    FROM role r, unnest($3) AS f(signature) WHERE to_regprocedure('public.' || f.signature) IS NOT NULL \
    UNION ALL \
    SELECT 'parameter', 'lc_messages', 'SET', has_parameter_privilege(r.oid, 'lc_messages', 'SET'), false FROM role r \
    UNION ALL \
    SELECT 'schema', 'public', p.name, has_schema_privilege(r.oid, 'public', p.name), has_schema_privilege(r.oid, 'public', p.name) \
    FROM role r, unnest(ARRAY['USAGE', 'CREATE']) AS p(name) \
    UNION ALL \
    SELECT 'database', current_database(), p.name, has_database_privilege(r.oid, current_database(), p.name), \
           has_database_privilege(r.oid, current_database(), p.name) \
    FROM role r, unnest(ARRAY['CONNECT', 'CREATE']) AS p(name) \
    UNION ALL \
    SELECT 'attribute', a.name, a.name, a.held, a.held \
    FROM role r, LATERAL (VALUES ('CREATEDB', r.rolcreatedb), ('CREATEROLE', r.rolcreaterole), \
                                 ('REPLICATION', r.rolreplication), ('BYPASSRLS', r.rolbypassrls)) AS a(name, held) \
    UNION ALL \
    SELECT 'membership', g.rolname, g.rolname, true, true \
    FROM role r JOIN pg_auth_members m ON m.member = r.oid JOIN pg_roles g ON g.oid = m.roleid \
    WHERE g.rolname NOT IN ('pg_read_all_stats', 'pg_monitor') \
    ORDER BY 1, 2, 3";

async fn rights(connection: &mut AsyncPgConnection, role: &str) -> Result<Vec<RightRow>, SchemaError> {
    let tables: Vec<&str> = table_names().into_iter().chain([MIGRATIONS_TABLE]).collect();
    sql_query(RIGHTS)
        .bind::<Text, _>(role)
        .bind::<Array<Text>, _>(tables)
        .bind::<Array<Text>, _>(FUNCTIONS.to_vec())
        .bind::<Array<Text>, _>(expected::changed_by_column())
        .load(connection)
        .await
        .map_err(SchemaError::during("the list of rights"))
}

impl RightRow {
    fn difference(&self, role: &str) -> Option<Difference> {
        let Self { kind, name, privilege, .. } = self;
        let what = match kind.as_str() {
            "attribute" => format!("attribute {name} of role {role}"),
            "membership" => format!("membership of role {role} in {name}"),
            _ => format!("right {privilege} on {kind} {name} of role {role}"),
        };
        match (self.is_needed(), self.whole, self.part) {
            (true, false, _) if kind == "parameter" => Some(not_granted(what)),
            (true, false, _) => Some(Difference::Missing { what }),
            (false, _, true) => Some(Difference::Extra { what }),
            _ => None,
        }
    }

    fn is_needed(&self) -> bool {
        let privilege = self.privilege.as_str();
        match self.kind.as_str() {
            "table" => expected::rights_on(&self.name).contains(&privilege),
            "column" => expected::is_changed(&self.name),
            "sequence" | "schema" => privilege == "USAGE",
            "function" | "parameter" => true,
            "database" => privilege == "CONNECT",
            _ => false,
        }
    }
}

/// Rights that the server can work without and that only an administrator can grant.
fn not_granted(what: String) -> Difference {
    Difference::Changed { what, expected: "granted".to_owned(), found: "not granted".to_owned() }
}
