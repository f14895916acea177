//! Structs that can be read and made by the names of their fields.

use super::Value;

/// A struct whose members are fields of a record.
pub trait Members: Sized + 'static {
    /// Its members, in their order.
    const MEMBERS: &'static [Member<Self>];

    /// Makes one of a value for each member; `None` where one is missing or of another type.
    fn of_values<'v>(value: impl FnMut(&'static str) -> Value<'v>) -> Option<Self>;

    /// The value of the field of this name; [`Value::Null`] when there is none.
    fn value(&self, name: &str) -> Value<'_> {
        Member::named(name).map_or(Value::Null, |member| (member.read)(self))
    }
}

/// One member of a struct.
#[derive(Debug)]
pub struct Member<T: 'static> {
    /// The name of its field.
    pub name: &'static str,
    /// Reads its value.
    pub read: for<'a> fn(&'a T) -> Value<'a>,
}

impl<T: Members> Member<T> {
    /// The member of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        T::MEMBERS.iter().find(|member| member.name == name)
    }
}

/// Defines the structs as they are written, and implements [`Members`] for them.
macro_rules! members {
    ($(
        $(#[$meta:meta])*
        pub struct $name:ident { $($(#[$member_meta:meta])* pub $member:ident: $type:ty,)+ }
    )+) => {$(
        $(#[$meta])*
        pub struct $name { $($(#[$member_meta])* pub $member: $type,)+ }

        impl $crate::fields::Members for $name {
            const MEMBERS: &'static [$crate::fields::Member<Self>] = &[$($crate::fields::Member {
                name: stringify!($member),
                read: |it| $crate::fields::ToValue::to_value(&it.$member),
            },)+];

            fn of_values<'v>(
                mut value: impl FnMut(&'static str) -> $crate::fields::Value<'v>,
            ) -> Option<Self> {
                Some(Self { $($member: $crate::fields::FromValue::from_value(value(stringify!($member)))?,)+ })
            }
        }
    )+};
}
pub(crate) use members;
