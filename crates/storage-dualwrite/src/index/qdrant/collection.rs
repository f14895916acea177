//! The collection behind the alias: created when absent, never used when it is not ours.

use qdrant_client::qdrant::alias_operations::Action;
use qdrant_client::qdrant::value::Kind;
use qdrant_client::qdrant::vectors_config::Config;
use qdrant_client::qdrant::{
    AliasOperations, ChangeAliases, CollectionInfo, CreateAlias, CreateCollection, Distance,
    GetCollectionInfoRequest, HealthCheckRequest, PayloadSchemaType, Value, VectorParams, VectorsConfig,
};

use super::client::Client;
use super::payload;
use super::server_version::{OLDEST, is_new_enough};
use crate::index::{IndexError, IndexIdentity};

/// The owner of the collection, from its metadata.
const INSTALLATION: &str = "datastorage_installation";
const COMPOSITION: &str = "datastorage_composition";
const MODEL: &str = "datastorage_model";

/// One collection, by its alias.
#[derive(Debug)]
pub(super) struct Collection<'a> {
    pub(super) client: &'a Client,
    pub(super) alias: &'a str,
}

impl Collection<'_> {
    /// Creates what is missing and checks what is there. Replicas may do so at once.
    pub(super) async fn prepare(&self, identity: &IndexIdentity) -> Result<(), IndexError> {
        self.check_server().await?;
        let info = match self.info().await? {
            Some(info) => info,
            None => self.create(identity).await?,
        };
        self.check_owner(identity, &info)?;
        let has = |name: &str, kind: PayloadSchemaType| {
            info.payload_schema.get(name).is_some_and(|schema| schema.data_type() == kind)
        };
        let operation = "create a payload index";
        for request in payload::missing_indexes(self.alias, has) {
            let answer = self.client.ask(operation, self.client.points().create_field_index(request)).await?;
            self.client.unless_done(operation, &answer)?;
        }
        Ok(())
    }

    /// Whether the collection is still there and ours.
    pub(super) async fn check(&self, identity: &IndexIdentity) -> Result<(), IndexError> {
        self.info().await?.map_or(Ok(()), |info| self.check_owner(identity, &info))
    }

    async fn check_server(&self) -> Result<(), IndexError> {
        let request = HealthCheckRequest {};
        let found =
            self.client.ask("report its version", self.client.root().health_check(request)).await?.version;
        if is_new_enough(&found) {
            return Ok(());
        }
        Err(IndexError::Mismatch(format!(
            "the Qdrant server has version `{found}`, and {OLDEST} or later is needed: in an older Qdrant an old \
             version of a record can replace a newer one"
        )))
    }

    async fn info(&self) -> Result<Option<CollectionInfo>, IndexError> {
        let request = GetCollectionInfoRequest { collection_name: self.alias.to_owned() };
        let found =
            self.client.find("describe the collection", self.client.collections().get(request)).await?;
        Ok(found.and_then(|answer| answer.result))
    }

    /// Creates the collection and its alias. Another replica may be faster with either: the state that counts is the
    /// one afterwards.
    async fn create(&self, identity: &IndexIdentity) -> Result<CollectionInfo, IndexError> {
        let collection_name = format!("{}-{}", self.alias, identity.installation);
        let mut clients = self.client.collections();
        let request = creation(&collection_name, identity)?;
        let created = self.client.ask("create the collection", clients.create(request)).await;
        let created = match created {
            Err(error) if !matches!(error, IndexError::Refused { .. }) => return Err(error),
            created => created,
        };
        let alias = CreateAlias { collection_name, alias_name: self.alias.to_owned() };
        let action = AliasOperations { action: Some(Action::CreateAlias(alias)) };
        let request = ChangeAliases { actions: vec![action], timeout: None };
        let named = self.client.ask("name the collection", clients.update_aliases(request)).await;
        match self.info().await? {
            Some(info) => Ok(info),
            None => Err(created.and(named).err().unwrap_or_else(|| IndexError::Away {
                reason: format!("the collection `{}` disappeared right after its creation", self.alias),
                retry_after: None,
            })),
        }
    }

    fn check_owner(&self, identity: &IndexIdentity, info: &CollectionInfo) -> Result<(), IndexError> {
        let found = Found::of(info);
        let fault = found.fault(identity).map(|fault| {
            let alias = self.alias;
            IndexError::Mismatch(format!(
                "the Qdrant collection `{alias}` {fault}. Set another collection in the settings, or delete this \
                 collection in Qdrant (every point can be rebuilt from PostgreSQL). Then run `datastorage reconcile \
                 --rebuild`"
            ))
        });
        fault.map_or(Ok(()), Err)
    }
}

/// The description of a collection.
struct Found<'a> {
    vectors: Option<&'a VectorParams>,
    info: &'a CollectionInfo,
}

impl<'a> Found<'a> {
    fn of(info: &'a CollectionInfo) -> Self {
        let params = info.config.as_ref().and_then(|config| config.params.as_ref());
        let vectors = params.and_then(|params| params.vectors_config.as_ref()?.config.as_ref());
        let vectors = match vectors {
            Some(Config::Params(params)) => Some(params),
            _ => None,
        };
        Self { vectors, info }
    }

    /// The fault and the expectation, as the rest of a sentence that the collection's name begins.
    fn fault(&self, wanted: &IndexIdentity) -> Option<String> {
        let Some(vectors) = self.vectors else {
            return Some("has named vectors, expected a single unnamed one".to_owned());
        };
        if u64::try_from(wanted.set.dimension) != Ok(vectors.size) {
            let (size, dimension) = (vectors.size, wanted.set.dimension);
            return Some(format!("has vectors of dimension {size}, expected {dimension}"));
        }
        if vectors.distance() != Distance::Cosine {
            let distance = vectors.distance().as_str_name();
            return Some(format!("compares vectors with the distance {distance}, expected Cosine"));
        }
        let installation = wanted.installation.to_string();
        match self.mark(INSTALLATION) {
            None => {
                return Some(format!(
                    "was not created by this service: its metadata has no `{INSTALLATION}`, expected {installation}"
                ));
            }
            Some(owner) if owner != installation => {
                return Some(format!(
                    "belongs to the installation {owner}, expected {installation}, which is the id of the \
                     configured database"
                ));
            }
            Some(_) => {}
        }
        let set = (self.mark(MODEL), self.mark(COMPOSITION));
        (set != (Some(&wanted.set.model), Some(&wanted.set.composition))).then(|| {
            let (model, composition) = (set.0.unwrap_or("unknown"), set.1.unwrap_or("unknown"));
            format!(
                "holds vectors of model {model}, composition {composition}, expected {}; vectors of two \
                 embedders cannot be compared",
                wanted.set
            )
        })
    }

    fn mark(&self, key: &str) -> Option<&'a str> {
        match self.info.config.as_ref()?.metadata.get(key)?.kind.as_ref()? {
            Kind::StringValue(text) => Some(text),
            _ => None,
        }
    }
}

fn creation(name: &str, identity: &IndexIdentity) -> Result<CreateCollection, IndexError> {
    let Ok(size) = u64::try_from(identity.set.dimension) else {
        return Err(IndexError::Mismatch(format!(
            "{} is not the dimension of a vector",
            identity.set.dimension
        )));
    };
    let vectors = VectorParams { size, distance: Distance::Cosine.into(), ..VectorParams::default() };
    let marks = [
        (INSTALLATION, identity.installation.to_string()),
        (COMPOSITION, identity.set.composition.clone()),
        (MODEL, identity.set.model.clone()),
    ];
    Ok(CreateCollection {
        collection_name: name.to_owned(),
        vectors_config: Some(VectorsConfig { config: Some(Config::Params(vectors)) }),
        metadata: marks.into_iter().map(|(key, mark)| (key.to_owned(), Value::from(mark))).collect(),
        ..CreateCollection::default()
    })
}
