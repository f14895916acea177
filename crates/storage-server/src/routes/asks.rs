//! What an operation asks of its caller, and what it may refuse for that.

use crate::auth::Permission;
use crate::problem::ProblemKind;

/// What an operation asks of its caller.
#[derive(Debug, Clone, Copy)]
pub(super) enum Asks {
    /// Nothing: it tells those that watch the service how it is, and never refuses them.
    Nothing,
    /// Not too much at once: it says nothing that anyone may not know.
    Moderation,
    /// Not too many files of the explorer at once, which are counted apart: opening the page takes a dozen, and must not
    /// use up what its address may ask besides.
    FewFiles,
    /// To be known, whatever the caller may do.
    ToBeKnown,
    /// A permission.
    For(Permission),
}

impl Asks {
    /// What shows records.
    pub(super) const READ: Self = Self::For(Permission::Read);
    /// What stores or changes records.
    pub(super) const WRITE: Self = Self::For(Permission::Write);
    /// What shows or changes the service itself.
    pub(super) const ADMIN: Self = Self::For(Permission::Admin);

    /// What a caller may be told before the handler does its work. All that asks for a permission takes its parameters
    /// strictly.
    pub(super) const fn problems(self) -> &'static [ProblemKind] {
        match self {
            Self::Nothing => &[],
            Self::Moderation | Self::FewFiles => &[ProblemKind::RateLimited, ProblemKind::Overloaded],
            Self::ToBeKnown => &[
                ProblemKind::Unauthorized,
                ProblemKind::RateLimited,
                ProblemKind::AuthUnavailable,
                ProblemKind::Overloaded,
                ProblemKind::InvalidParameters,
            ],
            Self::For(_) => &[
                ProblemKind::Unauthorized,
                ProblemKind::Forbidden,
                ProblemKind::RateLimited,
                ProblemKind::AuthUnavailable,
                ProblemKind::Overloaded,
                ProblemKind::InvalidParameters,
            ],
        }
    }
}
