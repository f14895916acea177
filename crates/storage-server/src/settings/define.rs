//! From the table of settings to structs, to what reads them, and to what documents say of them.

/// A section as documents show it.
#[derive(Debug)]
pub(super) struct Section {
    pub(super) name: &'static str,
    /// What it is about, line by line.
    pub(super) about: &'static [&'static str],
    pub(super) settings: &'static [Definition],
}

/// A setting as documents show it.
#[derive(Debug)]
pub(super) struct Definition {
    pub(super) name: &'static str,
    /// What it means, line by line.
    pub(super) about: &'static [&'static str],
    pub(super) default: &'static str,
    /// What is accepted, as the rest of "must be".
    pub(super) form: &'static str,
    pub(super) is_secret: bool,
}

/// Defines all sections. Defaults and the ends of ranges are texts, read by the same rules as any other value.
macro_rules! settings {
    ($(
        $(#[doc = $about:literal])+
        $section:ident: $name:ident {
            $($(#[doc = $doc:literal])+
            $field:ident: $type:ty = $default:literal $(, from $low:literal $(to $high:literal)?)?;)+
        }
    )+) => {
        $($(#[doc = $about])+
        #[derive(Debug, Clone)]
        pub struct $name {
            $($(#[doc = $doc])+ pub $field: $type,)+
        })+

        /// Every setting, one struct for each section.
        #[derive(Debug, Clone)]
        pub struct Settings {
            $($(#[doc = $about])+ pub $section: $name,)+
            /// Each setting as it was given, without secrets.
            pub effective: Vec<$crate::settings::effective::EffectiveSetting>,
        }

        impl Settings {
            /// Reads every setting, in order. `None` when a default is not of its type, which a test rules out.
            pub(super) fn read(reading: &mut $crate::settings::reading::Reading) -> Option<Self> {
                $(let $section = $name {
                    $($field: {
                        let key = concat!(stringify!($section), ".", stringify!($field));
                        let value = reading.take::<$type>(key, $default)?;
                        $(reading.check_range(key, &value, &[$low $(, $high)?]);)?
                        value
                    },)+
                };)+
                Some(Self { $($section,)+ effective: reading.effective() })
            }
        }

        /// Every section, in order.
        pub(super) const SECTIONS: &[$crate::settings::define::Section] = &[
            $($crate::settings::define::Section {
                name: stringify!($section),
                about: &[$($about),+],
                settings: &[$($crate::settings::define::Definition {
                    name: stringify!($field),
                    about: &[$($doc),+],
                    default: $default,
                    form: <$type as $crate::settings::value::Setting>::FORM,
                    is_secret: <$type as $crate::settings::value::Setting>::SECRET,
                },)+],
            },)+
        ];
    };
}

pub(super) use settings;
