//! Tests for the list of pieces.

use diesel::pg::{Pg, PgQueryBuilder};
use diesel::query_builder::{QueryBuilder as _, QueryFragment as _};

use super::{Bind, Sql, Statement};

fn sample() -> Sql {
    let mut inner = Sql::new("b = ");
    inner.bind(Bind::Text("'; DROP TABLE t; --".to_owned()));
    let mut sql = Sql::new("SELECT a FROM t WHERE a = ");
    sql.bind(Bind::BigInt(7)).text(" AND ").append(inner).text(" LIMIT ").bind(Bind::BigInt(1));
    sql
}

#[test]
fn placeholders_are_numbered_in_the_order_of_their_values() {
    let bound = sample().into_bound();
    assert_eq!(bound.text, "SELECT a FROM t WHERE a = $1 AND b = $2 LIMIT $3");
    assert_eq!(bound.binds, [Bind::BigInt(7), Bind::Text("'; DROP TABLE t; --".to_owned()), Bind::BigInt(1)]);
}

#[test]
fn diesel_sends_the_same_text_and_never_caches_it() {
    let statement = Statement::<()>::new(sample());
    let mut builder = PgQueryBuilder::default();
    statement.to_sql(&mut builder, &Pg).unwrap();
    assert_eq!(builder.finish(), sample().into_bound().text);
    assert!(!statement.is_safe_to_cache_prepared(&Pg).unwrap());
}

#[test]
fn a_statement_of_fixed_text_is_cached() {
    assert!(Statement::<()>::of_text("SELECT 1").is_safe_to_cache_prepared(&Pg).unwrap());
}
