//! What every vector index must do, run over each of them.

mod conformance;
mod memory;
pub(super) mod qdrant;
mod qdrant_faults;
mod versions;

use std::sync::Arc;

use crate::index::VectorIndex;

/// Where a conformance test gets a fresh index from.
#[async_trait::async_trait]
pub(super) trait Bench: Sized + Send {
    /// An empty store of this test's own.
    async fn new() -> Self;

    /// An index on the store; several have the same points.
    fn index(&self) -> Arc<dyn VectorIndex>;

    /// Removes the store.
    async fn close(self);
}

/// A test for each function of the suite, on the given bench.
macro_rules! run_over {
    ($bench:ty: $($module:ident::{$($name:ident),* $(,)?}),* $(,)?) => {
        $($(
            #[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                let bench = <$bench as super::Bench>::new().await;
                super::$module::$name(bench.index()).await;
                super::Bench::close(bench).await;
            }
        )*)*
    };
    ($bench:ty) => {
        $crate::tests::index::run_over!($bench:
            conformance::{
                prepare_may_be_repeated,
                another_installation_is_refused,
                another_embedding_set_is_refused,
                empty_calls_do_nothing,
                absent_points_may_be_deleted,
                deleted_points_are_gone,
                similarity_is_the_cosine,
                zero_vectors_are_at_right_angles_to_everything,
                the_nearest_come_first,
                incidents_come_once_each,
                each_field_filters_alone,
                several_values_are_alternatives,
                odd_strings_match_themselves_alone,
                time_ranges_are_half_open_to_the_microsecond,
                durations_include_both_ends,
                conditions_agree_with_the_records,
                k_come_back_whenever_k_match,
                pages_come_in_order_and_end,
                ids_may_be_as_large_as_a_bigint,
                versions_are_of_what_exists,
                thousands_of_points_fit_in_one_call,
            },
            versions::{
                storing_again_changes_nothing,
                an_equal_version_changes_nothing,
                a_newer_version_replaces_every_field,
                versions_differ_by_the_microsecond,
                the_newest_of_one_call_counts,
                the_newest_version_stands_in_any_order,
            },
        );
    };
}
pub(super) use run_over;
