//! The catalogue of a database, for the tables of the schema.

use diesel::sql_types::{Array, Bool, Text};
use diesel::{OptionalExtension, QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::SchemaError;

#[derive(Debug, QueryableByName)]
pub(crate) struct ColumnRow {
    #[diesel(sql_type = Text)]
    pub(crate) table_name: String,
    #[diesel(sql_type = Text)]
    pub(crate) name: String,
    #[diesel(sql_type = Text)]
    pub(crate) sql_type: String,
    #[diesel(sql_type = Bool)]
    pub(crate) nullable: bool,
}

/// Something that has a definition: a table itself, a default, a constraint, an index, a trigger, a function.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub(crate) struct PartRow {
    #[diesel(sql_type = Text)]
    pub(crate) kind: String,
    /// Empty for a function.
    #[diesel(sql_type = Text)]
    pub(crate) table_name: String,
    #[diesel(sql_type = Text)]
    pub(crate) name: String,
    /// As PostgreSQL writes it.
    #[diesel(sql_type = Text)]
    pub(crate) definition: String,
    /// Its fault, such as `invalid`; empty if it has none.
    #[diesel(sql_type = Text)]
    pub(crate) fault: String,
}

pub(crate) async fn columns(
    connection: &mut AsyncPgConnection,
    tables: &[&str],
) -> Result<Vec<ColumnRow>, SchemaError> {
    sql_query(
        "SELECT c.relname::text AS table_name, a.attname::text AS name, \
                format_type(a.atttypid, a.atttypmod) AS sql_type, NOT a.attnotnull AS nullable \
         FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid \
         WHERE c.relnamespace = 'public'::regnamespace AND c.relname = ANY($1) \
           AND a.attnum > 0 AND NOT a.attisdropped ORDER BY c.relname, a.attnum",
    )
    .bind::<Array<Text>, _>(tables)
    .load(connection)
    .await
    .map_err(SchemaError::during("the list of columns"))
}

/// Everything of the tables that has a definition, and every function of the schema that belongs to no extension.
pub(crate) async fn parts(
    connection: &mut AsyncPgConnection,
    tables: &[&str],
) -> Result<Vec<PartRow>, SchemaError> {
    sql_query(
        "WITH relation AS ( \
             SELECT * FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relname = ANY($1)) \
         SELECT 'table' AS kind, c.relname::text AS table_name, c.relname::text AS name, \
                concat_ws(', ', CASE c.relpersistence WHEN 'p' THEN 'permanent' ELSE 'not permanent' END, \
                          'partitioned by ' || pg_get_partkeydef(c.oid), \
                          'partition ' || pg_get_expr(c.relpartbound, c.oid), \
                          CASE WHEN c.relrowsecurity THEN 'row security' END, \
                          (SELECT 'with rule ' || min(rulename) FROM pg_rewrite WHERE ev_class = c.oid)) AS definition, \
                '' AS fault \
         FROM relation c \
         UNION ALL \
         SELECT 'default', c.relname, a.attname, \
                concat(CASE WHEN a.attgenerated <> '' THEN 'generated ' END, \
                       CASE a.attidentity WHEN 'a' THEN 'identity always' WHEN 'd' THEN 'identity by default' END, \
                       pg_get_expr(d.adbin, d.adrelid)), '' \
         FROM relation c JOIN pg_attribute a ON a.attrelid = c.oid \
              LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum \
         WHERE a.attnum > 0 AND NOT a.attisdropped AND (d.adbin IS NOT NULL OR a.attidentity <> '') \
         UNION ALL \
         SELECT 'constraint', c.relname, k.conname, pg_get_constraintdef(k.oid), \
                CASE WHEN NOT k.convalidated THEN 'not validated' ELSE '' END \
         FROM relation c JOIN pg_constraint k ON k.conrelid = c.oid WHERE k.contype IN ('c', 'p', 'u', 'f', 'x') \
         UNION ALL \
         SELECT 'index', c.relname, i.relname, pg_get_indexdef(x.indexrelid), \
                CASE WHEN NOT (x.indisvalid AND x.indisready AND x.indislive) THEN 'invalid' ELSE '' END \
         FROM relation c JOIN pg_index x ON x.indrelid = c.oid JOIN pg_class i ON i.oid = x.indexrelid \
         UNION ALL \
         SELECT 'trigger', c.relname, t.tgname, pg_get_triggerdef(t.oid), \
                CASE WHEN t.tgenabled IN ('O', 'A') THEN '' ELSE 'disabled' END \
         FROM relation c JOIN pg_trigger t ON t.tgrelid = c.oid WHERE NOT t.tgisinternal \
         UNION ALL \
         SELECT 'function', '', p.oid::regprocedure::text, \
                concat_ws(' ', 'returns', pg_get_function_result(p.oid), 'in', l.lanname, \
                          CASE WHEN p.prosecdef THEN 'security definer' END, \
                          CASE p.provolatile WHEN 'i' THEN 'immutable' WHEN 's' THEN 'stable' END, \
                          CASE WHEN p.proisstrict THEN 'strict' END, CASE p.proparallel WHEN 's' THEN 'parallel safe' END, \
                          'set ' || lower(array_to_string(p.proconfig, ', set ')), \
                          'body', md5(coalesce(pg_get_function_sqlbody(p.oid), p.prosrc))), '' \
         FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang \
         WHERE p.pronamespace = 'public'::regnamespace AND p.prokind = 'f' \
           AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid \
                           AND d.deptype = 'e') \
         ORDER BY 2, 1, 3",
    )
    .bind::<Array<Text>, _>(tables)
    .load(connection)
    .await
    .map_err(SchemaError::during("the list of definitions"))
}

/// The faults of partitions: bounds, indexes, triggers, and ids that do not carry their month. `definition` is the
/// actual state and `fault` the expected one. An empty definition is a missing object, an empty fault an extra one.
pub(crate) async fn partition_faults(
    connection: &mut AsyncPgConnection,
    tables: &[&str],
) -> Result<Vec<PartRow>, SchemaError> {
    sql_query(
        "WITH parent AS ( \
             SELECT * FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'p' AND relname = ANY($1)), \
         partition AS ( \
             SELECT c.oid, c.relname::text AS name, p.oid AS parent, p.relname::text AS parent_name, \
                    pg_get_expr(c.relpartbound, c.oid) AS bound, \
                    CASE WHEN c.relname::text ~ ('^' || p.relname || '_[0-9]{4}_(0[1-9]|1[0-2])$') \
                         THEN to_date(right(c.relname::text, 7), 'YYYY_MM') END AS month \
             FROM pg_inherits h JOIN parent p ON p.oid = h.inhparent JOIN pg_class c ON c.oid = h.inhrelid), \
         named AS ( \
             SELECT *, format('FOR VALUES FROM (%L) TO (%L)', month || ' 00:00:00+00', \
                              (month + interval '1 month')::date || ' 00:00:00+00') AS named_bound \
             FROM partition WHERE month IS NOT NULL) \
         SELECT 'partition' AS kind, parent_name AS table_name, name, bound AS definition, named_bound AS fault \
         FROM named WHERE bound <> named_bound \
         UNION ALL \
         SELECT 'partition', parent_name, name, bound, '' FROM partition WHERE month IS NULL \
         UNION ALL \
         SELECT 'index', p.name, i.relname, 'invalid', 'valid' \
         FROM partition p JOIN pg_index x ON x.indrelid = p.oid JOIN pg_class i ON i.oid = x.indexrelid \
         WHERE NOT (x.indisvalid AND x.indisready AND x.indislive) \
         UNION ALL \
         SELECT 'index', p.name, i.relname, '', 'attached' \
         FROM partition p JOIN pg_index x ON x.indrelid = p.parent JOIN pg_class i ON i.oid = x.indexrelid \
         WHERE NOT EXISTS (SELECT FROM pg_inherits h JOIN pg_index y ON y.indexrelid = h.inhrelid \
                           WHERE h.inhparent = x.indexrelid AND y.indrelid = p.oid) \
         UNION ALL \
         SELECT 'constraint', name, name || '_id', coalesce(found, ''), wanted \
         FROM (SELECT p.name, pg_get_constraintdef(k.oid) AS found, \
                      format('CHECK (((id & (8191)::bigint) = %s))', \
                             (extract(year FROM p.month)::integer - 1970) * 12 + extract(month FROM p.month)::integer - 1) AS wanted \
               FROM named p JOIN pg_attribute a ON a.attrelid = p.oid AND a.attname = 'id' \
                    LEFT JOIN pg_constraint k ON k.conrelid = p.oid AND k.conname = p.name || '_id' AND k.convalidated) AS ids \
         WHERE found IS DISTINCT FROM wanted \
         UNION ALL \
         SELECT 'trigger', p.name, t.tgname, 'disabled', 'enabled' \
         FROM partition p JOIN pg_trigger t ON t.tgrelid = p.oid WHERE t.tgparentid <> 0 AND t.tgenabled NOT IN ('O', 'A') \
         UNION ALL \
         SELECT 'trigger', p.name, t.tgname, 'there', '' \
         FROM partition p JOIN pg_trigger t ON t.tgrelid = p.oid WHERE t.tgparentid = 0 AND NOT t.tgisinternal \
         ORDER BY 2, 1, 3",
    )
    .bind::<Array<Text>, _>(tables)
    .load(connection)
    .await
    .map_err(SchemaError::during("the list of partitions"))
}

/// Until the transaction ends, names are shown without the schema of the extension and of the tables, and times in UTC.
pub(crate) async fn show_as_expected(connection: &mut AsyncPgConnection) -> Result<(), SchemaError> {
    sql_query(
        "SELECT set_config('search_path', concat_ws(', ', 'public', \
                    (SELECT quote_ident(n.nspname) FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace \
                     WHERE e.extname = 'vector')), true), \
                set_config('timezone', 'UTC', true), set_config('datestyle', 'ISO', true)",
    )
    .execute(connection)
    .await
    .map(|_| ())
    .map_err(SchemaError::during("the settings for reading the catalogue"))
}

pub(crate) async fn pgvector_version(
    connection: &mut AsyncPgConnection,
) -> Result<Option<String>, SchemaError> {
    #[derive(QueryableByName)]
    struct Version {
        #[diesel(sql_type = Text)]
        version: String,
    }
    sql_query("SELECT extversion AS version FROM pg_extension WHERE extname = 'vector'")
        .get_result::<Version>(connection)
        .await
        .optional()
        .map(|row| row.map(|row| row.version))
        .map_err(SchemaError::during("the version of pgvector"))
}

/// Those of the wanted partitions that are there.
pub(crate) async fn present_partitions(
    connection: &mut AsyncPgConnection,
    wanted: &[String],
) -> Result<Vec<String>, SchemaError> {
    #[derive(QueryableByName)]
    struct Partition {
        #[diesel(sql_type = Text)]
        name: String,
    }
    sql_query(
        "SELECT c.relname::text AS name FROM pg_inherits h JOIN pg_class c ON c.oid = h.inhrelid \
         WHERE c.relnamespace = 'public'::regnamespace AND c.relname = ANY($1)",
    )
    .bind::<Array<Text>, _>(wanted)
    .load::<Partition>(connection)
    .await
    .map(|rows| rows.into_iter().map(|row| row.name).collect())
    .map_err(SchemaError::during("the list of partitions"))
}
