//! The operations of a port, by their paths: the one table that the router, the guard and the description read.

use std::collections::HashMap;

use actix_web::http::Method;
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};

use super::operation::Operation;
use crate::openapi;
use crate::problem::{Problem, ProblemKind};

/// The operations of a port.
pub(crate) struct Table {
    /// In the order of the description.
    paths: Vec<Path>,
    /// The place of each template among them.
    places: HashMap<String, usize>,
}

/// A path with its operations.
pub(crate) struct Path {
    operations: Vec<Operation>,
    /// Its methods, as the header Allow lists them.
    pub(super) allow: String,
}

impl Path {
    pub(super) fn operations(&self) -> impl Iterator<Item = &Operation> {
        self.operations.iter()
    }

    /// As the router writes it.
    fn template(&self) -> &str {
        self.operations.first().map_or("", |operation| &operation.path)
    }

    fn add(&mut self, operation: Operation) {
        self.operations.push(operation);
        let mut methods: Vec<Method> = self.operations().flat_map(Operation::methods).collect();
        methods.sort_by_key(|method| ORDER.iter().position(|other| other == method));
        self.allow = methods.iter().map(Method::as_str).collect::<Vec<_>>().join(", ");
    }
}

/// The order of methods in the header Allow.
const ORDER: [Method; 6] =
    [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];

impl Table {
    pub(super) fn of(operations: impl IntoIterator<Item = Operation>) -> Self {
        let mut table = Self { paths: Vec::new(), places: HashMap::new() };
        for operation in operations {
            let place = *table.places.entry(operation.path.clone()).or_insert(table.paths.len());
            if place == table.paths.len() {
                table.paths.push(Path { operations: Vec::new(), allow: String::new() });
            }
            if let Some(path) = table.paths.get_mut(place) {
                path.add(operation);
            }
        }
        table
    }

    /// The path with this template.
    pub(super) fn path(&self, template: &str) -> Option<&Path> {
        self.places.get(template).and_then(|place| self.paths.get(*place))
    }

    /// Every operation, in the order of the description.
    pub(super) fn operations(&self) -> impl Iterator<Item = &Operation> {
        self.paths.iter().flat_map(Path::operations)
    }

    /// Serves them. Fixed paths come before paths with parameters.
    pub(super) fn serve(&'static self, config: &mut ServiceConfig) {
        let mut paths: Vec<&Path> = self.paths.iter().collect();
        paths.sort_by_key(|path| path.template().contains('{'));
        for path in paths {
            let routes = path.operations().flat_map(Operation::routes);
            let resource = routes.fold(web::resource(path.template()), |all, route| all.route(route));
            let refuse = move || std::future::ready(not_allowed(&path.allow));
            config.service(resource.default_service(web::to(refuse)));
        }
        config.default_service(web::to(no_route));
    }

    /// Their description, as JSON.
    pub(super) fn describe(&self) -> String {
        let (described, schemas) =
            (self.operations().map(Operation::describe), self.operations().map(Operation::schemas));
        let document = openapi::document(described, schemas);
        // A value of strings and numbers cannot fail to serialize.
        document.to_pretty_json().unwrap_or_default() + "\n"
    }
}

fn not_allowed(methods: &'static str) -> Result<HttpResponse, Problem> {
    Err(Problem::method_not_allowed(methods))
}

async fn no_route(_: HttpRequest) -> Result<HttpResponse, Problem> {
    Err(Problem::new(ProblemKind::RouteNotFound))
}
