//! Has cargo build the crate anew when a migration changes: the macro that embeds them does not say so.

fn main() {
    println!("cargo::rerun-if-changed=../../migrations");
}
