//! Reads a text as a browser would and says whether anything in it could run.
//!
//! The tokenizer of html5ever is driven by its tree builder, so that comments, raw text and foreign content are
//! recognised as in browsers; no tree is kept. Every start tag is judged as it leaves the tokenizer, also a tag that
//! the tree builder would drop, such as `<body onload=…>`, which would act in the surrounding page.
//!
//! For some texts the parser's work grows with the square of their length. The scanner counts the work and stops at a
//! bound that is linear in the length.

use std::cell::Cell;
use std::rc::Rc;

use html5ever::interface::Tracer;
use html5ever::tendril::StrTendril;
use html5ever::tokenizer::{BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer};
use html5ever::tree_builder::{TreeBuilder, create_element};
use html5ever::{QualName, TokenizerResult, local_name, ns};

use super::active::is_active;
use super::pending::Pending;
use super::shadow::{Element, Shadow};

/// Closes a tag in any state at the end of the text: in a name, before a value, in either quote.
const CLOSE_TAG: &str = " '\">'>";

/// How much is read before the bounds are looked at again, in bytes.
const CHUNK: usize = 4 * 1024;

/// Elements that the parser remembers to open again; each new one is compared with all that it remembers.
const FORMATTING: &[&str] =
    &["a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u"];

/// The verdict on a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing in the text runs.
    Inert,
    /// Something might.
    Active,
    /// Reading it takes more steps than allowed.
    TooComplex,
}

/// Judges a text that stands inside a `<div>`, and says how many steps it took.
pub(super) fn judge(text: &str, max_steps: usize) -> (Verdict, usize) {
    let tokenizer = Tokenizer::new(MarkupScanner::new(max_steps), Default::default());
    let mut pending = Pending::default();
    for chunk in chunks(text) {
        feed(&tokenizer, chunk);
        if tokenizer.sink.saw_token.take() {
            pending.clear();
        }
        if tokenizer.sink.verdict() != Verdict::Inert {
            return (tokenizer.sink.verdict(), tokenizer.sink.steps());
        }
        if !pending.extend(chunk) {
            return (Verdict::TooComplex, tokenizer.sink.steps());
        }
    }
    feed(&tokenizer, CLOSE_TAG);
    tokenizer.end();
    (tokenizer.sink.verdict(), tokenizer.sink.steps())
}

fn feed(tokenizer: &Tokenizer<MarkupScanner>, text: &str) {
    let input = BufferQueue::default();
    input.push_back(StrTendril::from_slice(text));
    while !matches!(tokenizer.feed(&input), TokenizerResult::Done) {}
}

fn chunks(mut text: &str) -> impl Iterator<Item = &str> {
    std::iter::from_fn(move || {
        let (chunk, rest) = text.split_at_checked(text.floor_char_boundary(CHUNK))?;
        text = rest;
        (!chunk.is_empty()).then_some(chunk)
    })
}

/// Looks at each token on its way to the tree builder.
struct MarkupScanner {
    tree: TreeBuilder<Rc<Element>, Shadow>,
    active: Cell<bool>,
    saw_token: Cell<bool>,
    most_attributes: Cell<usize>,
    max_steps: usize,
}

impl MarkupScanner {
    fn new(max_steps: usize) -> Self {
        let shadow = Shadow::default();
        let context = create_element(&shadow, QualName::new(None, ns!(html), local_name!("div")), Vec::new());
        Self {
            tree: TreeBuilder::new_for_fragment(shadow, context, None, Default::default()),
            active: Cell::default(),
            saw_token: Cell::default(),
            most_attributes: Cell::default(),
            max_steps,
        }
    }

    fn steps(&self) -> usize {
        self.tree.sink.steps()
    }

    fn is_spent(&self) -> bool {
        self.steps() > self.max_steps
    }

    fn verdict(&self) -> Verdict {
        match (self.is_spent(), self.active.get()) {
            (true, _) => Verdict::TooComplex,
            (false, true) => Verdict::Active,
            (false, false) => Verdict::Inert,
        }
    }

    fn inspect(&self, tag: &Tag) {
        if is_active(tag) {
            self.active.set(true);
        }
        if FORMATTING.contains(&&*tag.name) {
            self.charge_comparisons(tag.attrs.len());
        }
    }

    /// The tree builder compares a formatting element's attributes with those of each element that it remembers.
    fn charge_comparisons(&self, attributes: usize) {
        self.most_attributes.update(|most| most.max(attributes));
        let remembered = Count::default();
        self.tree.trace_handles(&remembered);
        self.tree.sink.charge(remembered.0.get().saturating_mul(1 + self.most_attributes.get()));
    }
}

impl TokenSink for MarkupScanner {
    type Handle = Rc<Element>;

    fn process_token(&self, token: Token, line: u64) -> TokenSinkResult<Self::Handle> {
        if self.is_spent() {
            return TokenSinkResult::Continue;
        }
        match &token {
            Token::TagToken(tag) if tag.kind == TagKind::StartTag => self.inspect(tag),
            _ => {}
        }
        self.saw_token.set(self.saw_token.get() || !matches!(token, Token::ParseError(_)));
        self.tree.process_token(token, line)
    }

    fn end(&self) {
        self.tree.end();
    }

    fn adjusted_current_node_present_but_not_in_html_namespace(&self) -> bool {
        self.tree.adjusted_current_node_present_but_not_in_html_namespace()
    }
}

/// Counts the elements that the tree builder holds on to.
#[derive(Default)]
struct Count(Cell<usize>);

impl Tracer for Count {
    type Handle = Rc<Element>;

    fn trace_handle(&self, _: &Self::Handle) {
        self.0.update(|count| count + 1);
    }
}
