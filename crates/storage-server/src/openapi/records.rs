//! Records as they are read, whose schemas come from the table of their fields.

use std::borrow::Cow;
use std::marker::PhantomData;

use serde::Serialize;
use serde_json::Value;
use utoipa::openapi::{ArrayBuilder, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::bodies::{self, JsonBody};
use super::fields::{self, Named};
use super::schema::{list_of, named};
use crate::store::edge::Item;

/// A record of the type `R`, or an incident, as it is sent.
#[derive(Serialize)]
#[serde(transparent)]
pub(crate) struct Shown<R> {
    item: Item,
    #[serde(skip)]
    of: PhantomData<R>,
}

impl<R> Shown<R> {
    /// An item of a page of this type, or of a read.
    pub(crate) fn of(item: Item) -> Self {
        Self { item, of: PhantomData }
    }
}

impl<R: Named> PartialSchema for Shown<R> {
    fn schema() -> RefOr<Schema> {
        RefOr::T(Schema::Object(fields::named(R::NAME).unwrap_or_default()))
    }
}

impl<R: Named> ToSchema for Shown<R> {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed(R::NAME)
    }
}

impl<R: Named> JsonBody for Shown<R> {}

/// The schema of a record, by its name.
pub(crate) fn reference<R: Named>() -> RefOr<Schema> {
    named(R::NAME)
}

/// A list of records.
pub(crate) fn list<R: Named>() -> ArrayBuilder {
    list_of(reference::<R>())
}

/// The example of a record.
pub(crate) fn example_of<R: Named>() -> Value {
    bodies::example_of::<Shown<R>>()
}
