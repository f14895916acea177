//! The macro that defines the filter of a record type.

use storage_models::fields::Field;

use crate::{InvalidParameter, InvalidReason, TimeBound};

/// Defines the filter of a record type. Its parameters are the fields that are filterable in the type's table. The
/// fields listed here get methods that add values of their own types; a test checks that none is missing. Members after
/// `and` read the parameters listed after them by their own rules. The listed ranges of time are added to the range of
/// the record's own time.
macro_rules! filter {
    (
        $(#[$meta:meta])*
        $name:ident of $record:ident by $time:literal and $($bound:literal),+ {
            $($field:ident: $value:ty,)+
        }
        $(and { $($(#[$extra_meta:meta])* $extra:ident: $extra_type:ty [$($extra_name:literal),*],)+ })?
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Default, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct $name {
            values: $crate::filter::values::Values,
            created: $crate::filter::Range<$crate::TimeBound>,
            updated: $crate::filter::Range<$crate::TimeBound>,
            $($($(#[$extra_meta])* pub $extra: $extra_type,)+)?
            #[doc = concat!("Only records whose `", $time, "` is not before this.")]
            pub since: Option<$crate::TimeBound>,
            #[doc = concat!("Only records whose `", $time, "` is before this.")]
            pub until: Option<$crate::TimeBound>,
        }

        impl $name {
            #[cfg(test)]
            pub(crate) const METHODS: &'static [&'static str] = &[$(stringify!($field),)+];

            $(
                #[doc = concat!("Also accepts this `", stringify!($field), "`.")]
                #[must_use]
                pub fn $field(mut self, value: impl Into<$value>) -> Self {
                    let fields = storage_models::RecordType::$record.fields();
                    self.values.add(fields, stringify!($field), &value.into());
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

            /// Only records that were stored not before `bound`.
            #[must_use]
            pub fn created_since(mut self, bound: impl Into<$crate::TimeBound>) -> Self {
                self.created.since = Some(bound.into());
                self
            }

            /// Only records that were stored before `bound`.
            #[must_use]
            pub fn created_until(mut self, bound: impl Into<$crate::TimeBound>) -> Self {
                self.created.until = Some(bound.into());
                self
            }

            fn bound(&mut self, name: &str) -> Option<(&'static str, &mut Option<$crate::TimeBound>)> {
                let name = *<Self as $crate::AuditFilter>::FIELDS.iter().find(|known| **known == name)?;
                let bound = match name {
                    "since" => &mut self.since,
                    "until" => &mut self.until,
                    "created_since" => &mut self.created.since,
                    "created_until" => &mut self.created.until,
                    "updated_since" => &mut self.updated.since,
                    "updated_until" => &mut self.updated.until,
                    _ => return None,
                };
                Some((name, bound))
            }
        }

        impl $crate::filter::fields::Fields for $name {
            const TYPE: storage_models::RecordType = storage_models::RecordType::$record;
            const TIME: &'static str = $time;

            fn times(&self) -> $crate::filter::Times<$crate::filter::Range<$crate::TimeBound>> {
                let own = $crate::filter::Range { since: self.since, until: self.until };
                $crate::filter::Times { own, created: self.created, updated: self.updated }
            }

            fn is_indexed(&self) -> bool {
                self.values.is_indexed(Self::TYPE.fields())
            }

            fn push_errors(&self, errors: &mut Vec<$crate::InvalidParameter>) {
                self.values.push_errors(Self::TYPE.fields(), errors);
                $($($crate::filter::extra::Extra::push_errors(&self.$extra, errors);)+)?
            }

            fn push_conditions(&self, conditions: &mut $crate::filter::Conditions) {
                self.values.push_conditions(Self::TYPE.fields(), conditions);
                $($($crate::filter::extra::Extra::push_conditions(&self.$extra, conditions);)+)?
            }

            fn describe(&self) -> Vec<(String, Vec<String>)> {
                let mut out = Vec::new();
                self.values.describe(Self::TYPE.fields(), &mut out);
                $($($crate::filter::extra::Extra::describe(&self.$extra, &mut out);)+)?
                out
            }
        }

        impl $crate::AuditFilter for $name {
            const FIELDS: &'static [&'static str] = {
                const OTHERS: &[&str] = &[$($($($extra_name,)*)+)? $($bound,)+ "since", "until"];
                const FIELDS: &[storage_models::fields::Field] = storage_models::RecordType::$record.fields();
                const NAMES: [&str; $crate::filter::define::filterable(FIELDS) + OTHERS.len()] =
                    $crate::filter::define::names(FIELDS, OTHERS);
                &NAMES
            };

            fn has_field(name: &str) -> bool {
                use $crate::filter::fields::Fields as _;
                Self::FIELDS.contains(&name)
                    || $crate::filter::values::Values::accepts(Self::TYPE.fields(), name)
                    $($(|| <$extra_type as $crate::filter::extra::Extra>::accepts(name))+)?
            }

            fn set(&mut self, field: &str, text: &str) -> Result<(), $crate::InvalidParameter> {
                use $crate::filter::{define::set_bound, fields::Fields as _};
                if let Some((name, bound)) = self.bound(field) {
                    return set_bound(name, bound, text);
                }
                match field {
                    $($(field if <$extra_type as $crate::filter::extra::Extra>::accepts(field) => {
                        $crate::filter::extra::Extra::set(&mut self.$extra, field, text)
                    })+)?
                    field => self.values.read(Self::TYPE.fields(), field, text),
                }
            }

            fn values(&self, parameter: &str) -> Vec<String> {
                use $crate::filter::fields::Fields as _;
                self.values.texts(Self::TYPE.fields(), parameter)
            }

            fn parameters() -> Vec<(&'static storage_models::fields::Field, Vec<String>)> {
                use $crate::filter::fields::Fields as _;
                $crate::filter::values::Values::parameters(Self::TYPE.fields())
            }

            fn notes(&self) -> &[$crate::FilterNote] {
                self.values.notes()
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

/// How many of these fields a filter may list values of.
pub(super) const fn filterable(mut fields: &[Field]) -> usize {
    let mut number = 0;
    while let [field, rest @ ..] = fields {
        if field.is_filterable {
            number += 1;
        }
        fields = rest;
    }
    number
}

/// The names of the fields that a filter may list values of, and the others behind them.
pub(super) const fn names<const NUMBER: usize>(
    mut fields: &[Field],
    others: &[&'static str],
) -> [&'static str; NUMBER] {
    let mut names = [""; NUMBER];
    let mut room: &mut [&str] = &mut names;
    while let [field, rest @ ..] = fields {
        if field.is_filterable {
            room = put(field.name, room);
        }
        fields = rest;
    }
    room.copy_from_slice(others);
    names
}

/// Puts a name into the first place; returns the others.
const fn put<'a>(name: &'static str, room: &'a mut [&'static str]) -> &'a mut [&'static str] {
    let (place, others) = room.split_at_mut(1);
    place.copy_from_slice(&[name]);
    others
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
