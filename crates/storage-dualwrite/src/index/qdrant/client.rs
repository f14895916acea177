//! The connection: one HTTP/2 channel, a key on every request, a limit on every answer.

use std::future::Future;
use std::time::Duration;

use qdrant_client::qdrant::collections_client::CollectionsClient;
use qdrant_client::qdrant::points_client::PointsClient;
use qdrant_client::qdrant::qdrant_client::QdrantClient;
use qdrant_client::qdrant::{PointsOperationResponse, UpdateStatus};
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Channel;
use tonic::{Response, Status};

use super::endpoint::{ApiKey, endpoint};
use super::fault;
use super::settings::{QdrantSettings, QdrantSettingsError};
use crate::index::IndexError;

/// A server that was silent for this long is asked for a sign of life, so that a host that vanished without closing
/// its connections is found out.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// Longest answer that is read: a page of ten thousand points takes a megabyte.
const ANSWER_BYTES_MAX: usize = 32 << 20;

type Service = InterceptedService<Channel, ApiKey>;

/// The generated clients on one channel, which connects when it is first used and again after it broke. Unlike the
/// client library's own facade it repeats nothing by itself: whether to repeat is the caller's to know.
#[derive(Clone)]
pub(super) struct Client {
    channel: Channel,
    key: ApiKey,
    limit: Duration,
}

impl Client {
    pub(super) fn new(settings: &QdrantSettings) -> Result<Self, QdrantSettingsError> {
        let channel = endpoint(settings)?
            .connect_timeout(settings.connect_timeout)
            .tcp_nodelay(true)
            .http2_keep_alive_interval(KEEP_ALIVE)
            .keep_alive_timeout(settings.timeout)
            .keep_alive_while_idle(true)
            .connect_lazy();
        Ok(Self { channel, key: ApiKey::new(settings)?, limit: settings.timeout })
    }

    pub(super) fn points(&self) -> PointsClient<Service> {
        PointsClient::with_interceptor(self.channel.clone(), self.key.clone())
            .max_decoding_message_size(ANSWER_BYTES_MAX)
    }

    pub(super) fn collections(&self) -> CollectionsClient<Service> {
        CollectionsClient::with_interceptor(self.channel.clone(), self.key.clone())
    }

    pub(super) fn root(&self) -> QdrantClient<Service> {
        QdrantClient::with_interceptor(self.channel.clone(), self.key.clone())
    }

    /// The answer to one request, within the limit.
    pub(super) async fn ask<T>(
        &self,
        operation: &'static str,
        request: impl Future<Output = Result<Response<T>, Status>>,
    ) -> Result<T, IndexError> {
        match tokio::time::timeout(self.limit, request).await {
            Ok(Ok(answer)) => Ok(answer.into_inner()),
            Ok(Err(status)) => Err(fault::of_status(operation, self.limit, &status)),
            Err(_elapsed) => Err(self.late(operation)),
        }
    }

    /// As [`Self::ask`], with an absent thing as `None`.
    pub(super) async fn find<T>(
        &self,
        operation: &'static str,
        request: impl Future<Output = Result<Response<T>, Status>>,
    ) -> Result<Option<T>, IndexError> {
        let found = async {
            match request.await {
                Ok(answer) => Ok(Response::new(Some(answer.into_inner()))),
                Err(status) if status.code() == tonic::Code::NotFound => Ok(Response::new(None)),
                Err(status) => Err(status),
            }
        };
        self.ask(operation, found).await
    }

    /// An update that is not done when its answer comes cannot be relied on.
    pub(super) fn unless_done(
        &self,
        operation: &'static str,
        answer: &PointsOperationResponse,
    ) -> Result<(), IndexError> {
        match answer.result.as_ref().map(|result| result.status()) {
            Some(UpdateStatus::Completed) => Ok(()),
            Some(UpdateStatus::Acknowledged | UpdateStatus::WaitTimeout) => Err(self.late(operation)),
            other => Err(IndexError::Away {
                reason: format!("{operation}: the update ended with the status {other:?}"),
                retry_after: None,
            }),
        }
    }

    pub(super) const fn late(&self, operation: &'static str) -> IndexError {
        IndexError::TimedOut { operation, limit: self.limit }
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("limit", &self.limit).finish_non_exhaustive()
    }
}
