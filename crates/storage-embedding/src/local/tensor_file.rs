//! Reads named f32 tensors out of a safetensors file: whole, or row by row when rows are wanted.
//!
//! The file is read, not mapped: a mapping cannot be had without `unsafe`, and a file that shrinks
//! under a mapping kills the process.

use crate::error::LoadError;
use bytemuck::cast_slice_mut;
use ndarray::{Array1, Array2};
use safetensors::Dtype;
use safetensors::tensor::Metadata;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

#[cfg(target_endian = "big")]
compile_error!("safetensors files hold little-endian numbers, which are read here as they are");

/// More than any header of a model this size; keeps a broken length from asking for memory.
const MAX_HEADER_BYTES: u64 = 1 << 20;

/// An open file of tensors.
pub(super) struct TensorFile {
    path: PathBuf,
    file: File,
    metadata: Metadata,
    data_start: u64,
}

impl TensorFile {
    /// Opens the file and reads its table of contents.
    pub(super) fn open(path: &Path) -> Result<Self, LoadError> {
        let read = |source| LoadError::Read { path: path.to_owned(), source };
        let mut file = File::open(path).map_err(read)?;
        let mut length = [0; 8];
        file.read_exact(&mut length).map_err(read)?;
        let length = u64::from_le_bytes(length);
        if length > MAX_HEADER_BYTES {
            return Err(misfit(path, format!("its header claims {length} bytes")));
        }
        let mut header = Vec::new();
        file.by_ref().take(length).read_to_end(&mut header).map_err(read)?;
        let metadata = serde_json::from_slice(&header).map_err(|error| misfit(path, error.to_string()))?;
        Ok(Self { path: path.to_owned(), file, metadata, data_start: 8 + length })
    }

    /// The tensor `name`, if it has this shape.
    pub(super) fn matrix(&self, name: &str, rows: usize, columns: usize) -> Result<Array2<f32>, LoadError> {
        let values = self.read(name, &[rows, columns])?;
        Array2::from_shape_vec((rows, columns), values).map_err(|error| misfit(&self.path, error.to_string()))
    }

    /// The tensor `name`, if it has this length.
    pub(super) fn vector(&self, name: &str, length: usize) -> Result<Array1<f32>, LoadError> {
        self.read(name, &[length]).map(Array1::from_vec)
    }

    /// The tensor `name`, if it has this shape, left in the file.
    pub(super) fn rows(&self, name: &str, rows: usize, columns: usize) -> Result<Rows, LoadError> {
        let start = self.start_of(name, &[rows, columns])?;
        let read = |source| LoadError::Read { path: self.path.clone(), source };
        let file = self.file.try_clone().map_err(read)?;
        let version = Version::of(&file).map_err(read)?;
        Ok(Rows { path: self.path.clone(), file, version, start, columns })
    }

    fn read(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, LoadError> {
        let start = self.start_of(name, shape)?;
        let mut values = vec![0.0; shape.iter().product()];
        self.file
            .read_exact_at(cast_slice_mut(&mut values), start)
            .map_err(|source| LoadError::Read { path: self.path.clone(), source })?;
        Ok(values)
    }

    /// Where the tensor begins in the file.
    fn start_of(&self, name: &str, shape: &[usize]) -> Result<u64, LoadError> {
        let info =
            self.metadata.info(name).ok_or_else(|| misfit(&self.path, format!("{name} is missing")))?;
        if info.dtype != Dtype::F32 || info.shape != shape {
            let reason = format!("{name} is {:?} {:?}, not F32 {shape:?}", info.dtype, info.shape);
            return Err(misfit(&self.path, reason));
        }
        let offset = u64::try_from(info.data_offsets.0).unwrap_or(u64::MAX);
        Ok(self.data_start.saturating_add(offset))
    }
}

/// The rows of a matrix, in their file.
pub(super) struct Rows {
    path: PathBuf,
    file: File,
    version: Version,
    start: u64,
    columns: usize,
}

impl Rows {
    /// Copies the row `index`, which the matrix must have, to `row`, which must be as long.
    pub(super) fn read(&self, index: usize, row: &mut [f32]) -> io::Result<()> {
        let offset = index.saturating_mul(self.columns).saturating_mul(size_of::<f32>());
        let offset = u64::try_from(offset).unwrap_or(u64::MAX);
        self.file.read_exact_at(cast_slice_mut(row), self.start.saturating_add(offset))
    }

    /// Whether the rows that were read are those of the file as it was opened.
    pub(super) fn check(&self) -> io::Result<()> {
        if Version::of(&self.file)? == self.version {
            return Ok(());
        }
        let words =
            format!("{} was changed after the model was loaded; restart the service", self.path.display());
        Err(io::Error::other(words))
    }
}

/// What changes with the content of a file: its length and the time of its last change, which no program can set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Version {
    length: u64,
    changed: (i64, i64),
}

impl Version {
    fn of(file: &File) -> io::Result<Self> {
        let metadata = file.metadata()?;
        Ok(Self { length: metadata.len(), changed: (metadata.ctime(), metadata.ctime_nsec()) })
    }
}

fn misfit(path: &Path, reason: String) -> LoadError {
    LoadError::Weights { path: path.to_owned(), reason }
}

#[cfg(test)]
mod tests {
    use super::TensorFile;
    use std::fs;
    use std::path::{Path, PathBuf};

    /// A file with the matrix `m` of three rows: 0, 1; 2, 3; 4, 5.
    fn stored(directory: &Path) -> PathBuf {
        let header = r#"{"m":{"dtype":"F32","shape":[3,2],"data_offsets":[0,24]}}"#;
        let mut bytes = u64::try_from(header.len()).unwrap().to_le_bytes().to_vec();
        bytes.extend_from_slice(header.as_bytes());
        for value in 0..6_u8 {
            bytes.extend_from_slice(&f32::from(value).to_le_bytes());
        }
        let path = directory.join("model.safetensors");
        fs::write(&path, bytes).unwrap();
        path
    }

    #[test]
    fn rows_in_the_file_are_those_of_the_matrix() {
        let directory = tempfile::tempdir().unwrap();
        let file = TensorFile::open(&stored(directory.path())).unwrap();
        let (matrix, rows) = (file.matrix("m", 3, 2).unwrap(), file.rows("m", 3, 2).unwrap());
        for (index, expected) in matrix.rows().into_iter().enumerate() {
            let mut row = [f32::NAN; 2];
            rows.read(index, &mut row).unwrap();
            assert_eq!(row.as_slice(), expected.as_slice().unwrap());
        }
        rows.check().unwrap();
        assert!(rows.read(3, &mut [0.0; 2]).is_err(), "there are three rows");
        assert!(file.rows("m", 2, 3).is_err(), "the shape is another");
    }

    /// A file that is overwritten in its place would give the words of another model.
    #[test]
    fn rows_of_a_file_that_has_changed_are_refused_with_what_to_do() {
        let directory = tempfile::tempdir().unwrap();
        let path = stored(directory.path());
        let rows = TensorFile::open(&path).unwrap().rows("m", 3, 2).unwrap();
        fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(0).unwrap();
        let message = rows.check().unwrap_err().to_string();
        assert!(
            message.contains("model.safetensors was changed") && message.contains("restart"),
            "{message}"
        );
    }

    /// How files are replaced: the one that was opened stays as it is.
    #[test]
    fn rows_of_a_file_that_was_replaced_stay_readable() {
        let directory = tempfile::tempdir().unwrap();
        let path = stored(directory.path());
        let rows = TensorFile::open(&path).unwrap().rows("m", 3, 2).unwrap();
        let other = tempfile::tempdir().unwrap();
        fs::rename(stored(other.path()), &path).unwrap();
        let mut row = [f32::NAN; 2];
        rows.read(1, &mut row).unwrap();
        assert_eq!(row, [2.0, 3.0]);
    }
}
