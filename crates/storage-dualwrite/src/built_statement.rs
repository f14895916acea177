//! Statements of which a part is built from the table of a record's fields; all others are files, see
//! [`storage_postgres::statement`].

/// Defines a statement: its binds as fields, its text as a sequence of static pieces and binds, and the SQL type
/// of its rows. A field without a SQL type is a part of the statement with binds of its own, whose text is always the
/// same too.
///
/// diesel prepares a statement once a connection only when it has a static query id, which `sql_query` never has.
macro_rules! built_statement {
    (@static $name:ident) => { $name };
    (@static $name:ident<$life:lifetime>) => { $name<'static> };
    (@push $out:ident, $part:expr) => { diesel::query_builder::QueryFragment::walk_ast($part, $out.reborrow())? };
    (@push $out:ident, $bound:expr, $sql:ty) => { $out.push_bind_param::<$sql, _>($bound)? };
    (
        $(#[$meta:meta])*
        $name:ident$(<$life:lifetime>)? -> $rows:ty {
            $($piece:expr $(, $field:ident: $rust:ty $(=> $sql:ty)?)? ;)+
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug)]
        pub(crate) struct $name$(<$life>)? { $($(pub(crate) $field: $rust,)?)+ }

        impl$(<$life>)? diesel::query_builder::QueryFragment<diesel::pg::Pg> for $name$(<$life>)? {
            fn walk_ast<'b>(
                &'b self,
                mut out: diesel::query_builder::AstPass<'_, 'b, diesel::pg::Pg>,
            ) -> diesel::QueryResult<()> {
                $(
                    out.push_sql($piece);
                    $(built_statement!(@push out, &self.$field $(, $sql)?);)?
                )+
                Ok(())
            }
        }

        impl$(<$life>)? diesel::query_builder::QueryId for $name$(<$life>)? {
            type QueryId = built_statement!(@static $name $(<$life>)?);
            const HAS_STATIC_QUERY_ID: bool = true;
        }

        impl$(<$life>)? diesel::query_builder::Query for $name$(<$life>)? {
            type SqlType = $rows;
        }

        impl$(<$life>)? diesel::RunQueryDsl<diesel_async::AsyncPgConnection> for $name$(<$life>)? {}
    };
}

pub(crate) use built_statement;
