//! Statements of fixed text, each in a file of its own.

/// Defines a statement: the file that holds its text, its rows' SQL types, and its binds as fields, in the order of `$1`,
/// `$2` and so on. The file lies in the folder `sql` of the crate and can be pasted into psql as it is; a test of the crate
/// has PostgreSQL prepare each file of that folder against a migrated database.
///
/// diesel prepares a statement once a connection only when it has a static query id, which `sql_query` never has. `planned
/// anew` after the file's name has it prepared each time, for a statement whose plan depends on its binds.
///
/// The binds are pushed without their places, which the text has already. diesel offers that to those who turn on the
/// feature for backends of others, as `diesel-async` does.
#[macro_export]
macro_rules! statement {
    (@static $name:ident) => { $name };
    (@static $name:ident<$life:lifetime>) => { $name<'static> };
    (@plan $out:ident) => {};
    (@plan $out:ident planned anew) => { $out.unsafe_to_cache_prepared() };
    (
        $(#[$meta:meta])*
        $name:ident$(<$life:lifetime>)?($file:literal $($plan:ident)*) -> $rows:ty {
            $($field:ident: $rust:ty => $sql:ty),* $(,)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug)]
        pub(crate) struct $name$(<$life>)? { $(pub(crate) $field: $rust,)* }

        impl$(<$life>)? diesel::query_builder::QueryFragment<diesel::pg::Pg> for $name$(<$life>)? {
            fn walk_ast<'b>(
                &'b self,
                mut out: diesel::query_builder::AstPass<'_, 'b, diesel::pg::Pg>,
            ) -> diesel::QueryResult<()> {
                $crate::statement!(@plan out $($plan)*);
                out.push_sql(include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/sql/", $file)));
                $(out.push_bind_param_value_only::<$sql, _>(&self.$field)?;)*
                Ok(())
            }
        }

        impl$(<$life>)? diesel::query_builder::QueryId for $name$(<$life>)? {
            type QueryId = $crate::statement!(@static $name $(<$life>)?);
            const HAS_STATIC_QUERY_ID: bool = true;
        }

        impl$(<$life>)? diesel::query_builder::Query for $name$(<$life>)? {
            type SqlType = $rows;
        }

        impl$(<$life>)? diesel::RunQueryDsl<diesel_async::AsyncPgConnection> for $name$(<$life>)? {}
    };
}
