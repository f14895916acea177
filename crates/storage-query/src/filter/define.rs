//! The trait that all filters share, and the macro that defines one from its list of fields.

use serde::de::DeserializeOwned;
use storage_models::Timestamp;

use super::Valid;
use crate::{InvalidParameter, InvalidParameters};

/// Which records of one type are meant. Nothing outside this crate can implement it.
///
/// Read from parameters, a field lists its values with commas or by being repeated (`\,` is a comma inside a
/// value), and a record matches when its column equals one of them. An empty value means the empty text.
pub trait AuditFilter: sealed::Fields + Default + Clone + DeserializeOwned + Send + Sync + 'static {
    /// The names of its parameters, `since` and `until` last. Remediations also have any that begins with
    /// `metadata.`; see [`Self::has_field`].
    const FIELDS: &'static [&'static str];

    /// Whether it has a parameter of this name.
    fn has_field(name: &str) -> bool;

    /// Adds what the parameter `field` says.
    ///
    /// # Errors
    /// When there is no such field, a value cannot be read, or a parameter with one value comes a second time.
    fn set(&mut self, field: &str, text: &str) -> Result<(), InvalidParameter>;

    /// Reads parameters, each of which it must have ([`Self::has_field`]).
    ///
    /// # Errors
    /// All that [`Self::set`] refuses.
    fn from_pairs<'a>(
        pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, InvalidParameters> {
        let mut filter = Self::default();
        let errors = pairs.into_iter().filter_map(|(field, text)| filter.set(field, text).err()).collect();
        InvalidParameters::check(errors).map(|()| filter)
    }

    /// Checks what the types leave open, and turns ages into instants as of `now`.
    ///
    /// # Errors
    /// Every field with more than [`MAX_VALUES`](crate::MAX_VALUES) values or with NUL in one, and texts
    /// that are too long; more than [`MAX_METADATA_KEYS`](crate::MAX_METADATA_KEYS) keys, and keys that are;
    /// times and durations out of range; `since` after `until`, `min_duration` above `max_duration`.
    fn check(self, now: Timestamp) -> Result<Valid<Self>, InvalidParameters> {
        Valid::new(self, now)
    }
}

pub(super) mod sealed {
    //! Keeps [`AuditFilter`](super::AuditFilter) closed and holds what only this crate needs to know.

    use super::super::Conditions;
    use crate::{InvalidParameter, TimeBound};

    pub trait Fields {
        /// The column that `since` and `until` speak of.
        const TIME: &'static str;

        /// `since` and `until`.
        fn bounds(&self) -> (Option<TimeBound>, Option<TimeBound>);

        fn push_errors(&self, errors: &mut Vec<InvalidParameter>);

        /// Everything but the range of time.
        fn push_conditions(&self, conditions: &mut Conditions);

        /// Each parameter that is set, but for the range of time, with its values as texts.
        fn describe(&self) -> Vec<(String, Vec<String>)>;
    }
}

/// Defines a filter: each field is a column of the same name, with the type of its values. Members after
/// `and` read the parameters that stand behind them by their own rules.
macro_rules! filter {
    (
        $(#[$meta:meta])*
        $name:ident by $time:literal { $($(#[$field_meta:meta])* $field:ident: $value:ty,)+ }
        $(and { $($(#[$extra_meta:meta])* $extra:ident: $extra_type:ty [$($extra_name:literal),*],)+ })?
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Default, PartialEq, Eq)]
        pub struct $name {
            $($(#[$field_meta])* pub $field: Vec<$value>,)+
            $($($(#[$extra_meta])* pub $extra: $extra_type,)+)?
            #[doc = concat!("Only records whose `", $time, "` is not before this.")]
            pub since: Option<$crate::TimeBound>,
            #[doc = concat!("Only records whose `", $time, "` is before this.")]
            pub until: Option<$crate::TimeBound>,
        }

        impl $name {
            $(
                #[doc = concat!("Also accepts this `", stringify!($field), "`.")]
                #[must_use]
                pub fn $field(mut self, value: impl Into<$value>) -> Self {
                    self.$field.push(value.into());
                    self
                }
            )+

            #[doc = concat!("Only records whose `", $time, "` is not before `bound`.")]
            #[must_use]
            pub fn since(mut self, bound: impl Into<$crate::TimeBound>) -> Self {
                self.since = Some(bound.into());
                self
            }

            #[doc = concat!("Only records whose `", $time, "` is before `bound`.")]
            #[must_use]
            pub fn until(mut self, bound: impl Into<$crate::TimeBound>) -> Self {
                self.until = Some(bound.into());
                self
            }
        }

        impl $crate::filter::define::sealed::Fields for $name {
            const TIME: &'static str = $time;

            fn bounds(&self) -> (Option<$crate::TimeBound>, Option<$crate::TimeBound>) {
                (self.since, self.until)
            }

            fn push_errors(&self, errors: &mut Vec<$crate::InvalidParameter>) {
                $($crate::filter::define::check_values(stringify!($field), &self.$field, errors);)+
                $($($crate::filter::extra::Extra::push_errors(&self.$extra, errors);)+)?
            }

            fn push_conditions(&self, conditions: &mut $crate::filter::Conditions) {
                $(conditions.one_of(stringify!($field), &self.$field);)+
                $($($crate::filter::extra::Extra::push_conditions(&self.$extra, conditions);)+)?
            }

            fn describe(&self) -> Vec<(String, Vec<String>)> {
                let mut out = Vec::new();
                $($crate::filter::define::describe_values(stringify!($field), &self.$field, &mut out);)+
                $($($crate::filter::extra::Extra::describe(&self.$extra, &mut out);)+)?
                out
            }
        }

        impl $crate::AuditFilter for $name {
            const FIELDS: &'static [&'static str] =
                &[$(stringify!($field),)+ $($($($extra_name,)*)+)? "since", "until"];

            fn has_field(name: &str) -> bool {
                Self::FIELDS.contains(&name)
                    $($(|| <$extra_type as $crate::filter::extra::Extra>::accepts(name))+)?
            }

            fn set(&mut self, field: &str, text: &str) -> Result<(), $crate::InvalidParameter> {
                use $crate::filter::define::{add_values, set_bound};
                match field {
                    $(stringify!($field) => add_values(stringify!($field), &mut self.$field, text),)+
                    "since" => set_bound("since", &mut self.since, text),
                    "until" => set_bound("until", &mut self.until, text),
                    $($(field if <$extra_type as $crate::filter::extra::Extra>::accepts(field) => {
                        $crate::filter::extra::Extra::set(&mut self.$extra, field, text)
                    })+)?
                    _ => {
                        let reason = $crate::InvalidReason::Unknown;
                        Err($crate::InvalidParameter::new(field.to_owned(), text, reason))
                    }
                }
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::filter::de::deserialize(deserializer)
            }
        }
    };
}
pub(super) use filter;

use super::MAX_VALUES;
use super::value::{FilterValue, split_values};
use crate::{InvalidReason, TimeBound};

pub(super) fn add_values<V: FilterValue>(
    field: &str,
    values: &mut Vec<V>,
    text: &str,
) -> Result<(), InvalidParameter> {
    for value in split_values(text) {
        values
            .push(V::parse(&value).map_err(|reason| InvalidParameter::new(field.to_owned(), value, reason))?);
    }
    Ok(())
}

pub(super) fn set_bound(
    field: &'static str,
    bound: &mut Option<TimeBound>,
    text: &str,
) -> Result<(), InvalidParameter> {
    let refused = |reason| InvalidParameter::new(field, text, reason);
    let parsed = text.parse().map_err(refused)?;
    match bound.replace(parsed) {
        Some(_) => Err(refused(InvalidReason::Repeated)),
        None => Ok(()),
    }
}

pub(super) fn check_values<V: FilterValue>(field: &str, values: &[V], errors: &mut Vec<InvalidParameter>) {
    if values.len() > MAX_VALUES {
        errors.push(InvalidParameter::new(
            field.to_owned(),
            values.len().to_string(),
            InvalidReason::TooManyValues,
        ));
    }
    for value in values {
        if let Err((text, reason)) = value.check() {
            errors.push(InvalidParameter::new(field.to_owned(), text, reason));
        }
    }
}

pub(super) fn describe_values<V: FilterValue>(
    field: &str,
    values: &[V],
    out: &mut Vec<(String, Vec<String>)>,
) {
    if !values.is_empty() {
        out.push((field.to_owned(), values.iter().map(FilterValue::text).collect()));
    }
}
