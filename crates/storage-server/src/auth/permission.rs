//! The permissions of a caller.

use std::fmt;

/// One thing that a route asks of its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Permission {
    /// Reading, searching and exporting records.
    Read,
    /// Storing records and changing them.
    Write,
    /// Looking at the service itself and adjusting it.
    Admin,
}

impl Permission {
    pub(crate) const ALL: [Self; 3] = [Self::Read, Self::Write, Self::Admin];

    /// As token files, log lines and answers name it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Read => "audit:read",
            Self::Write => "audit:write",
            Self::Admin => "admin",
        }
    }

    /// The permission of that name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.name() == name)
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A set of permissions. None implies another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Permissions {
    read: bool,
    write: bool,
    admin: bool,
}

impl Permissions {
    pub(crate) const fn holds(self, permission: Permission) -> bool {
        match permission {
            Permission::Read => self.read,
            Permission::Write => self.write,
            Permission::Admin => self.admin,
        }
    }
}

impl FromIterator<Permission> for Permissions {
    fn from_iter<I: IntoIterator<Item = Permission>>(permissions: I) -> Self {
        permissions.into_iter().fold(Self::default(), |set, permission| match permission {
            Permission::Read => Self { read: true, ..set },
            Permission::Write => Self { write: true, ..set },
            Permission::Admin => Self { admin: true, ..set },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Permission, Permissions};

    /// BR-STORAGE-020: `admin` is not `audit:read`, and `audit:write` is neither.
    #[test]
    fn a_set_holds_what_was_put_in_and_nothing_more() {
        for permission in Permission::ALL {
            let set: Permissions = [permission].into_iter().collect();
            for other in Permission::ALL {
                assert_eq!(set.holds(other), other == permission);
            }
            assert_eq!(Permission::named(permission.name()), Some(permission));
        }
        assert_eq!(Permission::named("audit"), None);
    }
}
