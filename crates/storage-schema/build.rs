//! Has cargo build the crate anew when a migration changes: the macro that embeds them does not say so.

#![expect(clippy::print_stdout, reason = "a build script speaks to cargo on its standard output")]

fn main() {
    println!("cargo::rerun-if-changed=../../migrations");
}
