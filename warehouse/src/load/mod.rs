//! Loading files into tables: CSV, TSV, JSON Lines and Parquet.

mod kind;
mod rows;

use std::path::Path;

use refuel_staging::{Dialect, RelationName};
use refuel_tables::{ColumnType, Input, Layout, Survey};

use crate::contract::is_name;
use crate::materialize::{make_room, put_in_place};
use crate::ownership::{self, Owner};
use crate::{Column, RelationKind, Result, Warehouse, WarehouseError};

use kind::{Kind, Kinds};
use rows::FileRows;

/// Rows that are read at a time.
const CHUNK: usize = 4096;

/// Faulty rows that are told one by one.
const TOLD: usize = 10;

/// A file that is to be loaded.
#[derive(Debug, Clone, Copy)]
pub struct Load<'a> {
    /// The table's name.
    pub relation: &'a RelationName,
    /// The file; its name tells the format.
    pub path: &'a Path,
    /// What separates the fields of CSV, where it isn't the usual.
    pub delimiter: Option<u8>,
    /// Types that are declared for columns, in the database's own words: the column, the type.
    pub column_types: &'a [(String, String)],
    /// Who loads it.
    pub owner: &'a Owner,
    /// Whether it is loaded though nothing has changed.
    pub is_forced: bool,
}

/// What was loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    /// Rows; none where nothing had changed, and nothing was loaded.
    pub rows: Option<u64>,
    /// The table's columns.
    pub columns: Vec<Column>,
    /// Views of the project that had to be dropped, since they can't read what is there now.
    pub lost_views: Vec<RelationName>,
    /// Columns with numbers that are not finite, such as NaN, each with how many: they are null in the table.
    pub not_finite: Vec<(String, u64)>,
}

/// A column of the table that a file becomes.
#[derive(Debug, Clone)]
struct Shape {
    name: String,
    kind: Kind,
    /// The type in the database's words.
    data_type: String,
}

/// Loads a file into a table, in the place of what the project had there.
///
/// Types of columns are declared, or those of the format, or for CSV the narrowest that every value of the file has:
/// whole numbers, numbers, `true` and `false`, days, moments, else text. Numbers that begin with a zero are text, since
/// that is what postcodes and part numbers are. An empty field of CSV is null.
///
/// # Errors
/// When the file can't be read, a row isn't what the format asks for, a value isn't of its declared type, or a relation
/// of the name is there that the project did not make. Nothing is loaded then.
pub fn file(warehouse: &mut dyn Warehouse, load: &Load<'_>) -> Result<Loaded> {
    let input = Input::File(load.path.to_owned());
    let layout = Layout::new(input.format(None)?, load.delimiter);
    let content = content(load, &input, layout)?;
    if !load.is_forced && is_loaded(warehouse, load, &content)? {
        return Ok(Loaded {
            rows: None,
            columns: warehouse.columns(load.relation)?,
            lost_views: Vec::new(),
            not_finite: Vec::new(),
        });
    }
    let shapes = shapes(load, &input, layout, warehouse.dialect())?;
    let mut loaded = warehouse.transaction(|warehouse| {
        let there = make_room(warehouse, load.relation, &load.owner.project)?;
        let dialect = warehouse.dialect();
        let beside = crate::materialize::beside(load.relation);
        let definitions = shapes
            .iter()
            .map(|shape| format!("{} {}", dialect.quote(&shape.name), shape.data_type));
        let definitions = definitions.collect::<Vec<String>>().join(", ");
        warehouse.execute(&format!("CREATE TABLE {} ({definitions})", beside.sql(dialect)))?;
        let names: Vec<&str> = shapes.iter().map(|shape| shape.name.as_str()).collect();
        let mut rows = FileRows::open(load.path, &input, layout, &shapes)?;
        let count = warehouse.insert(&beside, &names, &mut rows)?;
        let project = &load.owner.project;
        let lost_views = put_in_place(warehouse, &beside, load.relation, there, project, &[])?;
        ownership::note(warehouse, load.relation, load.owner, Some(&content))?;
        Ok(Loaded {
            rows: Some(count),
            columns: Vec::new(),
            lost_views,
            not_finite: rows.not_finite(),
        })
    })?;
    loaded.columns = warehouse.columns(load.relation)?;
    Ok(loaded)
}

/// What decides about the table's rows: the file's content, and how it is read.
fn content(load: &Load<'_>, input: &Input, layout: Layout) -> Result<String> {
    let mut hasher = blake3::Hasher::new();
    match Survey::of(input, layout.format)? {
        Some(survey) => hasher.update(survey.blake3.as_bytes()),
        // What can be read once only can't be loaded, since it is read more than once.
        None => {
            return Err(WarehouseError::unreadable(
                load.path,
                std::io::ErrorKind::NotSeekable.into(),
            ));
        }
    };
    hasher.update(&[layout.delimiter]);
    for (column, data_type) in load.column_types {
        for text in [column, data_type] {
            hasher
                .update(&(text.len() as u64).to_le_bytes())
                .update(text.as_bytes());
        }
    }
    Ok(hasher.finalize().to_hex().to_string())
}

/// Whether the table is there with just this content.
fn is_loaded(warehouse: &mut dyn Warehouse, load: &Load<'_>, content: &str) -> Result<bool> {
    if warehouse.relation(load.relation)? != Some(RelationKind::Table) {
        return Ok(false);
    }
    let owned = ownership::owner(warehouse, load.relation)?;
    Ok(owned
        .is_some_and(|owned| owned.owner.project == load.owner.project && owned.content.as_deref() == Some(content)))
}

/// The columns of the table, by a look over the whole file.
fn shapes(load: &Load<'_>, input: &Input, layout: Layout, dialect: Dialect) -> Result<Vec<Shape>> {
    let columns = refuel_tables::column_types(input, layout)?;
    let names: Vec<String> = columns.iter().map(|(name, _)| name.clone()).collect();
    refuse_unknown(load, &names, dialect)?;
    let found = look(load, input, layout, &columns)?;
    let shapes = columns.into_iter().zip(found).map(|((name, column_type), kinds)| {
        let declared = load
            .column_types
            .iter()
            .find(|(column, _)| is_name(dialect, column, &name));
        let kind = match (declared, column_type) {
            (Some((_, data_type)), _) => Kind::declared(dialect, data_type),
            (None, ColumnType::Untyped) => kinds.narrowest(),
            (None, column_type) => Kind::of(column_type),
        };
        Shape {
            name,
            kind,
            data_type: declared.map_or_else(|| kind.data_type(dialect).to_owned(), |(_, told)| told.clone()),
        }
    });
    Ok(shapes.collect())
}

/// Refuses a type that is declared for a column which isn't there.
fn refuse_unknown(load: &Load<'_>, names: &[String], dialect: Dialect) -> Result<()> {
    let is_there = |column: &str| names.iter().any(|name| is_name(dialect, name, column));
    match load.column_types.iter().find(|(column, _)| !is_there(column)) {
        None => Ok(()),
        Some((column, _)) => {
            let hint = match refuel_tables::nearest(column, names.iter().map(String::as_str)) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("its columns are {}", names.join(", ")),
            };
            Err(WarehouseError::UnknownColumn {
                path: load.path.to_owned(),
                column: column.clone(),
                hint,
            })
        }
    }
}

/// Looks at every row: which kinds the values of each column have in common, and whether a row is faulty.
fn look(load: &Load<'_>, input: &Input, layout: Layout, columns: &[(String, ColumnType)]) -> Result<Vec<Kinds>> {
    let names: Vec<String> = columns.iter().map(|(name, _)| name.clone()).collect();
    let mut reader = refuel_tables::open(input, layout, &names)?;
    let mut kinds = vec![Kinds::default(); columns.len()];
    let (mut told, mut count) = (Vec::new(), 0);
    while let Some(chunk) = reader.next_chunk(CHUNK)? {
        for row in 0..chunk.rows() {
            if let Some(fault) = chunk.fault(row) {
                count += 1;
                if told.len() < TOLD {
                    // What a reader that goes on makes of such a row is no matter here: nothing is loaded.
                    let what = fault.split_once("; ").map_or(fault, |(what, _)| what);
                    told.push(format!("{}: {what}", chunk.place(row)));
                }
                continue;
            }
            for (column, kinds) in kinds.iter_mut().enumerate() {
                if columns[column].1 == ColumnType::Untyped {
                    kinds.take(chunk.text(row, column).unwrap_or_default());
                }
            }
        }
    }
    if count > 0 {
        return Err(WarehouseError::FaultyRows {
            path: load.path.to_owned(),
            rows: told,
            count,
        });
    }
    Ok(kinds)
}
