//! Parquet in.
//!
//! The reader of the `parquet` crate panics on some corrupt files, and gives fewer rows than there are for others. Every
//! call of it goes through [`guarded`], and the rows are counted, so that both are errors.

use std::fs::File;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::errors::ParquetError;

use crate::chunk::Body;
use crate::panic;
use crate::{CHUNK_BYTES, Chunk, Input, IoError, Reader, positions, refuse_duplicates};

/// Rows decoded at a time, unless they are large.
const BATCH: usize = 2048;

/// Reads Parquet.
pub(crate) struct ParquetReader {
    input: Input,
    reader: ParquetRecordBatchReader,
    schema: SchemaRef,
    columns: Vec<String>,
    wanted: Arc<[String]>,
    positions: Arc<[usize]>,
    row: u64,
    /// Rows that the footer says there are.
    rows: i64,
    /// Rows decoded so far.
    decoded: i64,
    /// Decoded rows that no chunk has taken yet.
    rest: Option<RecordBatch>,
}

impl ParquetReader {
    /// Opens a table. Standard input is put into a temporary file first, since Parquet is read from its end.
    pub(crate) fn open(input: &Input, wanted: &[String]) -> Result<Self, IoError> {
        let builder = builder(input)?;
        let rows = builder.metadata().file_metadata().num_rows();
        let groups = builder.metadata().row_groups();
        let largest = groups
            .iter()
            .map(|group| group.total_byte_size().max(0) / group.num_rows().max(1))
            .max();
        let row_bytes = largest.and_then(|bytes| usize::try_from(bytes).ok()).unwrap_or(0);
        let batch = (CHUNK_BYTES / row_bytes.max(1)).clamp(1, BATCH);
        let reader = guarded(input, || builder.with_batch_size(batch).build())?;
        let schema: SchemaRef = arrow::record_batch::RecordBatchReader::schema(&reader);
        let columns: Vec<String> = schema.fields().iter().map(|field| field.name().clone()).collect();
        refuse_duplicates(&input.to_string(), &columns)?;
        let positions = positions(&input.to_string(), &columns, wanted)?.into();
        Ok(Self {
            input: input.clone(),
            reader,
            schema,
            columns,
            wanted: wanted.into(),
            positions,
            row: 0,
            rows,
            decoded: 0,
            rest: None,
        })
    }

    /// Takes up to `rows` decoded rows.
    fn take(&mut self, rows: usize) -> Result<Option<RecordBatch>, IoError> {
        let batch = match self.rest.take() {
            Some(batch) => batch,
            None => match next_batch(&self.input, &mut self.reader)? {
                Some(batch) => {
                    self.decoded += batch.num_rows() as i64;
                    batch
                }
                None if self.decoded == self.rows => return Ok(None),
                None => {
                    let what = format!("its footer says {} rows, and it has {}", self.rows, self.decoded);
                    return Err(IoError::ReadParquet {
                        input: self.input.to_string(),
                        source: ParquetError::General(what),
                    });
                }
            },
        };
        if batch.num_rows() > rows {
            self.rest = Some(batch.slice(rows, batch.num_rows() - rows));
            return Ok(Some(batch.slice(0, rows)));
        }
        Ok(Some(batch))
    }
}

/// The one place where the `parquet` crate is asked to read: makes an error of a panic, since the crate trusts counts
/// and offsets of a file that nobody vouches for.
pub(crate) fn guarded<T>(input: &Input, call: impl FnOnce() -> Result<T, ParquetError>) -> Result<T, IoError> {
    panic::caught(call)
        .unwrap_or_else(|message| Err(ParquetError::General(format!("the file is corrupt: {message}"))))
        .map_err(|source| IoError::ReadParquet {
            input: input.to_string(),
            source,
        })
}

/// Decodes the next rows, of which there is at least one. The reader is not to be asked again behind an error.
pub(crate) fn next_batch(input: &Input, reader: &mut ParquetRecordBatchReader) -> Result<Option<RecordBatch>, IoError> {
    guarded(input, || {
        let mut batches = reader.filter(|batch| !batch.as_ref().is_ok_and(|batch| batch.num_rows() == 0));
        let batch = batches.next().transpose();
        batch.map_err(|error| ParquetError::ArrowError(error.to_string()))
    })
}

/// Opens a Parquet file and reads its footer.
pub(crate) fn builder(input: &Input) -> Result<ParquetRecordBatchReaderBuilder<File>, IoError> {
    let file = match input {
        Input::File(path) => input.open_file(path)?,
        Input::Stdin => spool(input)?,
    };
    if file
        .metadata()
        .is_ok_and(|metadata| metadata.is_file() && metadata.len() == 0)
    {
        return Err(IoError::Empty {
            input: input.to_string(),
        });
    }
    guarded(input, || ParquetRecordBatchReaderBuilder::try_new(file))
}

fn spool(input: &Input) -> Result<File, IoError> {
    let spool = || {
        let mut file = tempfile::tempfile()?;
        std::io::copy(&mut std::io::stdin().lock(), &mut file)?;
        Ok(file)
    };
    spool().map_err(|source| input.unreadable(source))
}

impl Reader for ParquetReader {
    fn columns(&self) -> Option<&[String]> {
        Some(&self.columns)
    }

    fn schema(&self) -> Option<SchemaRef> {
        Some(Arc::clone(&self.schema))
    }

    fn next_chunk(&mut self, rows: usize) -> Result<Option<Chunk>, IoError> {
        let Some(batch) = self.take(rows)? else { return Ok(None) };
        let first_row = self.row;
        self.row += batch.num_rows() as u64;
        let body = Body::Columnar {
            batch,
            positions: Arc::clone(&self.positions),
        };
        Ok(Some(Chunk {
            first_row,
            wanted: Arc::clone(&self.wanted),
            body,
        }))
    }

    fn skip(&mut self, rows: u64) -> Result<u64, IoError> {
        let mut left = rows;
        while left > 0 {
            let Some(batch) = self.take(usize::try_from(left).unwrap_or(usize::MAX))? else {
                break;
            };
            left -= batch.num_rows() as u64;
            self.row += batch.num_rows() as u64;
        }
        Ok(rows - left)
    }
}
