//! The requirements of an operation on its caller, and the problems that follow.

use crate::auth::Permission;
use crate::problem::ProblemKind;

/// The requirement of an operation on its caller.
#[derive(Debug, Clone, Copy)]
pub(super) enum Requires {
    /// Nothing: monitoring reads the state of the service and is never refused.
    Nothing,
    /// A moderate rate: the content is public.
    Moderation,
    /// Not too many files of the explorer at once, which are counted apart: opening the page takes a dozen, and must not
    /// use up what its address may ask besides.
    FewFiles,
    /// To be known, whatever the caller may do.
    ToBeKnown,
    /// A permission.
    For(Permission),
}

impl Requires {
    /// For operations that show records.
    pub(super) const READ: Self = Self::For(Permission::Read);
    /// For operations that store or change records.
    pub(super) const WRITE: Self = Self::For(Permission::Write);
    /// For operations that show or change the service itself.
    pub(super) const ADMIN: Self = Self::For(Permission::Admin);

    /// The problems that a caller may get before the handler runs. Every operation that requires a permission refuses
    /// unknown parameters.
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
