//! Tables for people: aligned columns under a thin line, coloured where the stream takes colour.

use comfy_table::{Attribute, Cell, CellAlignment, Color, LineStyle, Table, TableStyle};

use crate::words;

/// No frame: a line under the header is enough to guide the eye.
const STYLE: TableStyle = TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));

/// On which side a column's cells stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// For text.
    Left,
    /// For numbers.
    Right,
}

/// How a cell looks. The words in it have to say the same, since colour may be off.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Tone {
    /// Like the rest.
    #[default]
    Plain,
    /// What matters.
    Strong,
    /// What is beside the point.
    Faint,
    /// Well.
    Good,
    /// Not sure.
    Unsure,
    /// Wrong.
    Bad,
}

/// Text of a cell with its tone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Text {
    text: String,
    tone: Tone,
}

impl Text {
    /// Text in a tone.
    pub(crate) fn new(text: impl Into<String>, tone: Tone) -> Self {
        Self {
            text: text.into(),
            tone,
        }
    }
}

impl<T: Into<String>> From<T> for Text {
    fn from(text: T) -> Self {
        Self::new(text, Tone::Plain)
    }
}

/// A table for people.
#[derive(Debug)]
pub(crate) struct Grid {
    table: Table,
    sides: Vec<Side>,
}

impl Grid {
    /// A table whose columns have these names.
    pub(crate) fn new<const N: usize>(columns: [(&str, Side); N]) -> Self {
        Self::with_columns(columns.iter().map(|(name, side)| ((*name).to_owned(), *side)))
    }

    /// A table with columns that are known only now.
    pub(crate) fn with_columns(columns: impl IntoIterator<Item = (String, Side)>) -> Self {
        let (names, sides): (Vec<String>, Vec<Side>) = columns.into_iter().unzip();
        let mut table = Table::new();
        table.load_style(STYLE).enforce_styling();
        let header = names.into_iter().zip(&sides).map(|(name, side)| {
            Cell::new(name)
                .set_alignment(alignment(*side))
                .add_attribute(Attribute::Bold)
        });
        table.style_text_only();
        table.set_header(header.collect::<Vec<Cell>>());
        Self { table, sides }
    }

    /// A table of names and what they stand for, without a header.
    pub(crate) fn pairs() -> Self {
        let mut table = Table::new();
        table.load_style(STYLE).enforce_styling();
        table.style_text_only();
        Self {
            table,
            sides: vec![Side::Left, Side::Left],
        }
    }

    /// Adds a row.
    pub(crate) fn row<const N: usize>(&mut self, cells: [Text; N]) {
        self.add(cells);
    }

    /// Adds a row of a name and what it stands for.
    pub(crate) fn pair(&mut self, name: &str, value: impl Into<Text>) {
        self.add([Text::new(name, Tone::Faint), value.into()]);
    }

    /// Adds a row whose width is known only now.
    pub(crate) fn add(&mut self, cells: impl IntoIterator<Item = Text>) {
        let cells = cells.into_iter().zip(&self.sides).map(|(text, side)| {
            let visible = |letter| if letter == '\n' { letter } else { words::visible(letter) };
            let cell = Cell::new(text.text.chars().map(visible).collect::<String>()).set_alignment(alignment(*side));
            match text.tone {
                Tone::Plain => cell,
                Tone::Strong => cell.add_attribute(Attribute::Bold),
                Tone::Faint => cell.add_attribute(Attribute::Dim),
                Tone::Good => cell.fg(Color::Green),
                Tone::Unsure => cell.fg(Color::Yellow),
                Tone::Bad => cell.fg(Color::Red),
            }
        });
        self.table.add_row(cells.collect::<Vec<Cell>>());
    }

    /// The table as lines, without blanks at their ends.
    pub(crate) fn render(&self) -> String {
        let lines: Vec<String> = self.table.lines().map(|line| line.trim_end().to_owned()).collect();
        lines.join("\n")
    }
}

fn alignment(side: Side) -> CellAlignment {
    match side {
        Side::Left => CellAlignment::Left,
        Side::Right => CellAlignment::Right,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_changes_how_the_rest_of_its_line_looks() {
        let mut grid = Grid::pairs();
        grid.pair("input", "paid \u{202e}drawer \u{1b}[2J");
        let plain = anstream::adapter::strip_str(&grid.render()).to_string();
        assert_eq!(plain.trim(), "input   paid \u{fffd}drawer \u{fffd}[2J");
    }

    #[test]
    fn numbers_stand_on_the_right_and_lines_have_no_blank_ends() {
        let mut grid = Grid::new([("label", Side::Left), ("rows", Side::Right)]);
        grid.row(["refund".into(), "1,204".into()]);
        grid.row([Text::new("late delivery", Tone::Plain), "7".into()]);
        let plain = anstream::adapter::strip_str(&grid.render()).to_string();
        insta::assert_snapshot!(plain, @r"
         label            rows
        ───────────────────────
         refund          1,204
         late delivery       7
        ");
    }
}
