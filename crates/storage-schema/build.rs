//! Makes cargo build the crate again if a migration changes, because the macro that embeds migrations does not.

fn main() {
    println!("cargo::rerun-if-changed=../../migrations");
}
