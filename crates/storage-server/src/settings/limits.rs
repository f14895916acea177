//! How much anybody may ask.

use super::fault::Faults;
use super::section::section;

section! {
    /// How much may be asked of the service at once and by whom. Health and readiness are never counted.
    LimitSettings = "limits" {
        /// Requests under way at once; further ones are answered 503 until one is done.
        requests: usize = "4096",
        /// Requests a second that one known caller may make in the long run; more are answered 429. 0 is no limit. Without
        /// authentication nobody is told apart and this does not count.
        caller_rate: u32 = "5000",
        /// Requests that one known caller may make at once beyond that.
        caller_burst: u32 = "10000",
        /// Requests a second from one address without a token that is known already, and for the open pages
        /// (`/openapi.json`, `/docs`, `/problems/…`) with or without one; more are answered 429, and the token is not
        /// looked at. 0 is no limit.
        stranger_rate: u32 = "20",
        /// Such requests that may come at once beyond that.
        stranger_burst: u32 = "200",
        /// Months of a table, further than three from the present one, that one caller (without authentication, one
        /// address) may open a day with a first record; more are answered 429. Callers with the permission `admin` may
        /// open any, for imports. 0 is no limit. Each replica counts for itself.
        far_months: usize = "12",
    }
}

impl LimitSettings {
    pub(super) fn check(&self, faults: &mut Faults) {
        faults.range("limits.requests", self.requests, 1, 1_000_000);
        for (key, rate, burst) in [
            ("limits.caller_burst", self.caller_rate, self.caller_burst),
            ("limits.stranger_burst", self.stranger_rate, self.stranger_burst),
        ] {
            if rate > 0 && burst == 0 {
                faults.push(key, "must be at least 1 where there is a rate");
            }
        }
    }
}
