//! Stands in for a document: keeps no tree and counts what building one would cost.

use std::borrow::Cow;
use std::cell::Cell;
use std::rc::Rc;

use html5ever::interface::{ElementFlags, NodeOrText, QuirksMode, TreeSink};
use html5ever::tendril::StrTendril;
use html5ever::{Attribute, ExpandedName, QualName, local_name, ns};

/// An element as far as the tree builder asks about it.
#[derive(Debug)]
pub(super) struct Element {
    name: QualName,
    is_integration_point: bool,
}

/// The tree builder's sink. One step is about one question of the tree builder about one element.
#[derive(Debug)]
pub(super) struct Shadow {
    document: Rc<Element>,
    steps: Cell<usize>,
    nodes: Cell<usize>,
}

impl Default for Shadow {
    fn default() -> Self {
        let name = QualName::new(None, ns!(), local_name!(""));
        let document = Rc::new(Element { name, is_integration_point: false });
        Self { document, steps: Cell::default(), nodes: Cell::default() }
    }
}

impl Shadow {
    /// The steps so far.
    pub(super) fn steps(&self) -> usize {
        self.steps.get()
    }

    /// Counts steps that the tree builder takes without asking.
    pub(super) fn charge(&self, steps: usize) {
        self.steps.update(|sum| sum.saturating_add(steps));
    }

    /// A real tree looks for a node among its siblings, a few machine instructions each.
    fn charge_search(&self) {
        self.charge(1 + self.nodes.get() / 16);
    }

    fn count_node(&self) {
        self.nodes.update(|count| count + 1);
    }
}

/// The cost of copying attributes: the bytes of their values may all be written out again.
fn weight(attributes: &[Attribute]) -> usize {
    attributes.iter().map(|attribute| 1 + attribute.value.len()).sum()
}

impl TreeSink for Shadow {
    type Handle = Rc<Element>;
    type Output = ();
    type ElemName<'a> = ExpandedName<'a>;

    fn finish(self) {}

    fn parse_error(&self, _: Cow<'static, str>) {}

    fn get_document(&self) -> Self::Handle {
        Rc::clone(&self.document)
    }

    fn elem_name<'a>(&'a self, target: &'a Self::Handle) -> ExpandedName<'a> {
        self.charge(1);
        target.name.expanded()
    }

    fn create_element(
        &self,
        name: QualName,
        attributes: Vec<Attribute>,
        flags: ElementFlags,
    ) -> Self::Handle {
        self.charge(1 + weight(&attributes));
        Rc::new(Element { name, is_integration_point: flags.mathml_annotation_xml_integration_point })
    }

    fn create_comment(&self, _: StrTendril) -> Self::Handle {
        self.get_document()
    }

    fn create_pi(&self, _: StrTendril, _: StrTendril) -> Self::Handle {
        self.get_document()
    }

    fn append(&self, _: &Self::Handle, _: NodeOrText<Self::Handle>) {
        self.count_node();
    }

    fn append_based_on_parent_node(&self, _: &Self::Handle, _: &Self::Handle, _: NodeOrText<Self::Handle>) {
        self.count_node();
        self.charge_search();
    }

    fn append_doctype_to_document(&self, _: StrTendril, _: StrTendril, _: StrTendril) {}

    fn get_template_contents(&self, target: &Self::Handle) -> Self::Handle {
        Rc::clone(target)
    }

    fn same_node(&self, one: &Self::Handle, other: &Self::Handle) -> bool {
        self.charge(1);
        Rc::ptr_eq(one, other)
    }

    fn set_quirks_mode(&self, _: QuirksMode) {}

    fn append_before_sibling(&self, _: &Self::Handle, _: NodeOrText<Self::Handle>) {
        self.count_node();
        self.charge_search();
    }

    fn add_attrs_if_missing(&self, _: &Self::Handle, attributes: Vec<Attribute>) {
        self.charge(weight(&attributes));
    }

    fn remove_from_parent(&self, _: &Self::Handle) {
        self.charge_search();
    }

    fn reparent_children(&self, _: &Self::Handle, _: &Self::Handle) {
        self.charge_search();
    }

    fn is_mathml_annotation_xml_integration_point(&self, target: &Self::Handle) -> bool {
        target.is_integration_point
    }
}
