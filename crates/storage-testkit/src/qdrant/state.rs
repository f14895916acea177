//! The state of the server: collections and aliases.

use std::collections::{BTreeMap, HashMap};

use qdrant_client::qdrant::alias_operations::Action;
use qdrant_client::qdrant::vectors_config::Config;
use qdrant_client::qdrant::{
    AliasDescription, ChangeAliases, CollectionConfig, CollectionInfo, CollectionParams, CollectionStatus,
    CreateCollection, DeleteCollection, Distance, OptimizerStatus, PayloadSchemaInfo, UpdateCollection,
    Value,
};
use tonic::Status;

use super::filter::{Payload, unknown};

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) collections: BTreeMap<String, Collection>,
    pub(super) aliases: BTreeMap<String, String>,
}

#[derive(Debug)]
pub(super) struct Collection {
    params: CollectionParams,
    metadata: HashMap<String, Value>,
    pub(super) size: usize,
    pub(super) distance: Distance,
    pub(super) schema: HashMap<String, PayloadSchemaInfo>,
    pub(super) points: BTreeMap<u64, StoredPoint>,
    /// How many updates there were, which numbers them.
    pub(super) updates: u64,
}

#[derive(Debug)]
pub(super) struct StoredPoint {
    /// Of length 1 where vectors are compared by cosine.
    pub(super) vector: Vec<f32>,
    pub(super) payload: Payload,
    pub(super) version: u64,
}

impl State {
    /// The collection of this name or alias.
    pub(super) fn collection(&mut self, name: &str) -> Result<&mut Collection, Status> {
        let name = self.aliases.get(name).map_or(name, String::as_str);
        self.collections.get_mut(name).ok_or_else(|| absent(name))
    }

    pub(super) fn create(&mut self, request: CreateCollection) -> Result<bool, Status> {
        let name = request.collection_name;
        if self.collections.contains_key(&name) || self.aliases.contains_key(&name) {
            return Err(Status::already_exists(format!("Wrong input: Collection `{name}` already exists!")));
        }
        let vectors = request.vectors_config.clone().and_then(|vectors| vectors.config);
        let (size, distance) = match vectors {
            Some(Config::Params(vectors)) => {
                (usize::try_from(vectors.size).unwrap_or(usize::MAX), vectors.distance())
            }
            other => return Err(unknown(&format!("the vectors {other:?}"))),
        };
        let params = CollectionParams {
            shard_number: 1,
            vectors_config: request.vectors_config,
            ..CollectionParams::default()
        };
        let collection = Collection {
            params,
            metadata: request.metadata,
            size,
            distance,
            schema: HashMap::new(),
            points: BTreeMap::new(),
            updates: 0,
        };
        self.collections.insert(name, collection);
        Ok(true)
    }

    /// Deleting what does not exist is no error, as in the real server.
    pub(super) fn delete(&mut self, request: &DeleteCollection) -> bool {
        let name = &request.collection_name;
        self.aliases.retain(|_, target| target != name);
        self.collections.remove(name).is_some()
    }

    /// Only the metadata can be updated here.
    pub(super) fn update(&mut self, request: UpdateCollection) -> Result<bool, Status> {
        let rest =
            UpdateCollection { collection_name: String::new(), metadata: HashMap::new(), ..request.clone() };
        if rest != UpdateCollection::default() {
            return Err(unknown("other updates of a collection than of its metadata"));
        }
        self.collection(&request.collection_name)?.metadata.extend(request.metadata);
        Ok(true)
    }

    pub(super) fn change_aliases(&mut self, request: ChangeAliases) -> Result<bool, Status> {
        for action in request.actions {
            match action.action {
                Some(Action::CreateAlias(create)) => self.name(create.alias_name, create.collection_name)?,
                Some(Action::DeleteAlias(delete)) => {
                    self.aliases.remove(&delete.alias_name);
                }
                other => return Err(unknown(&format!("the alias operation {other:?}"))),
            }
        }
        Ok(true)
    }

    fn name(&mut self, alias: String, collection: String) -> Result<(), Status> {
        if self.collections.contains_key(&alias) {
            return Err(Status::already_exists(format!("Wrong input: Collection `{alias}` already exists!")));
        }
        if !self.collections.contains_key(&collection) {
            return Err(absent(&collection));
        }
        self.aliases.insert(alias, collection);
        Ok(())
    }

    pub(super) fn descriptions(&self) -> Vec<AliasDescription> {
        let aliases = self.aliases.iter();
        aliases
            .map(|(alias_name, collection_name)| AliasDescription {
                alias_name: alias_name.clone(),
                collection_name: collection_name.clone(),
            })
            .collect()
    }
}

impl Collection {
    pub(super) fn info(&self) -> CollectionInfo {
        CollectionInfo {
            status: CollectionStatus::Green.into(),
            optimizer_status: Some(OptimizerStatus { ok: true, error: String::new() }),
            segments_count: 1,
            config: Some(CollectionConfig {
                params: Some(self.params.clone()),
                metadata: self.metadata.clone(),
                ..CollectionConfig::default()
            }),
            payload_schema: self.schema.clone(),
            points_count: u64::try_from(self.points.len()).ok(),
            ..CollectionInfo::default()
        }
    }

    pub(super) const fn next_update(&mut self) -> u64 {
        self.updates += 1;
        self.updates
    }
}

fn absent(name: &str) -> Status {
    Status::not_found(format!("Not found: Collection `{name}` doesn't exist!"))
}
