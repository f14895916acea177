//! The parts of statements that name a record's fields, put together from the table of its type.

use diesel::QueryResult;
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, QueryFragment};
use diesel::sql_types::{Array, BigInt, Bool, Double, Integer, Jsonb, Nullable, Text, Timestamptz};
use storage_models::fields::{Field, Kind, Member, Members, Value};
use storage_models::{RecordType, RecordUpdate};

/// A record with the id that was drawn for it.
pub(super) type Numbered<'a, T> = (i64, &'a T);

/// The insertion of many records of one type: each column is one array, so that the text is the same for any number.
#[derive(Debug)]
pub(super) struct Insertion<'a> {
    record_type: RecordType,
    columns: Vec<(&'static Field, Vec<Value<'a>>)>,
}

impl<'a> Insertion<'a> {
    pub(super) fn of<T: Members>(record_type: RecordType, records: &[Numbered<'a, T>]) -> Self {
        let column = |field: &'static Field| {
            let values = if field.kind == Kind::Id {
                records.iter().map(|(id, _)| Value::Integer(*id)).collect()
            } else {
                let member = Member::<T>::named(field.name)?;
                records.iter().map(|(_, record)| (member.read)(record)).collect()
            };
            Some((field, values))
        };
        let inserted = record_type.fields().iter().filter(|field| field.is_inserted());
        Self { record_type, columns: inserted.filter_map(column).collect() }
    }
}

impl QueryFragment<Pg> for Insertion<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("INSERT INTO ");
        out.push_sql(self.record_type.table());
        out.push_sql(" (");
        for (place, (field, _)) in self.columns.iter().enumerate() {
            out.push_sql(separator(place));
            out.push_sql(field.name);
        }
        out.push_sql(") SELECT * FROM UNNEST(");
        for (place, (field, values)) in self.columns.iter().enumerate() {
            out.push_sql(separator(place));
            push_column(field.kind, values, &mut out)?;
        }
        out.push_sql(")");
        Ok(())
    }
}

/// The new values of the fields that an update may change.
#[derive(Debug)]
pub(super) struct Changes<'a>(Vec<(&'static Field, Value<'a>)>);

impl<'a> Changes<'a> {
    pub(super) fn of(update: &'a RecordUpdate) -> Self {
        let changeable = update.record_type().fields().iter().filter(|field| field.is_changeable());
        Self(changeable.map(|field| (field, update.value(field.name))).collect())
    }
}

impl QueryFragment<Pg> for Changes<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        for (place, (field, value)) in self.0.iter().enumerate() {
            out.push_sql(separator(place));
            out.push_sql(field.name);
            out.push_sql(" = ");
            push_value(field.kind, value, &mut out)?;
        }
        Ok(())
    }
}

const fn separator(place: usize) -> &'static str {
    if place == 0 { "" } else { ", " }
}

/// Binds under the SQL type of a kind: the type itself, or an array of it.
macro_rules! push {
    ($name:ident, $values:ty, $($array:ident)?) => {
        fn $name<'b>(kind: Kind, bound: &'b $values, out: &mut AstPass<'_, 'b, Pg>) -> QueryResult<()> {
            match kind {
                Kind::Id | Kind::RemediationId | Kind::Milliseconds => {
                    out.push_bind_param::<push!(@type BigInt $($array)?), _>(bound)
                }
                Kind::Identifier(_) | Kind::Word(_) | Kind::FreeText => {
                    out.push_bind_param::<push!(@type Text $($array)?), _>(bound)
                }
                Kind::Metadata | Kind::Alterations => out.push_bind_param::<push!(@type Jsonb $($array)?), _>(bound),
                Kind::Time => out.push_bind_param::<push!(@type Timestamptz $($array)?), _>(bound),
                Kind::Count => out.push_bind_param::<push!(@type Integer $($array)?), _>(bound),
                Kind::Fraction => out.push_bind_param::<push!(@type Double $($array)?), _>(bound),
                Kind::Boolean => out.push_bind_param::<push!(@type Bool $($array)?), _>(bound),
            }
        }
    };
    (@type $sql:ident) => { Nullable<$sql> };
    (@type $sql:ident $array:ident) => { $array<Nullable<$sql>> };
}

push!(push_column, Vec<Value<'_>>, Array);
push!(push_value, Value<'_>,);
