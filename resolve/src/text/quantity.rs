//! Numbers with a unit.

/// What a unit measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Dimension {
    Information,
    InformationRate,
    Length,
    Mass,
    Volume,
    Power,
    Frequency,
    Pixels,
    Voltage,
    Charge,
    Time,
    Multiplier,
    Count,
    Rotation,
    Percentage,
}

/// A number with a unit, in the base unit of its dimension.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Quantity {
    pub(crate) dimension: Dimension,
    pub(crate) value: f64,
}

/// How far apart two spellings of one quantity may be: `1 GB` is 1000 or 1024 MB, and `2.5"` is 63.5 or 64 mm.
const TOLERANCE: f64 = 0.03;

impl Quantity {
    /// Whether both are the same but for rounding.
    pub(crate) fn agrees(self, other: Self) -> bool {
        self.dimension == other.dimension
            && (self.value - other.value).abs() <= TOLERANCE * self.value.abs().max(other.value.abs())
    }
}

/// A unit: what it measures, how many base units it is, and how it is written when numbers with it are compared as words.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Unit {
    pub(crate) dimension: Dimension,
    pub(crate) factor: f64,
    pub(crate) symbol: &'static str,
}

/// The unit of this name. `attached` says that the number stands right before it: `5 in` can be the word, `5in` is inches.
pub(crate) fn unit(name: &str, attached: bool) -> Option<Unit> {
    use Dimension as D;
    let of = |dimension, factor, symbol| {
        Some(Unit {
            dimension,
            factor,
            symbol,
        })
    };
    match name {
        "kb" | "kilobyte" | "kilobytes" => of(D::Information, 1e3, "kb"),
        "mb" | "megabyte" | "megabytes" => of(D::Information, 1e6, "mb"),
        "gb" | "gig" | "gigabyte" | "gigabytes" => of(D::Information, 1e9, "gb"),
        "tb" | "terabyte" | "terabytes" => of(D::Information, 1e12, "tb"),
        "kbps" => of(D::InformationRate, 1e3, "kbps"),
        "mbps" => of(D::InformationRate, 1e6, "mbps"),
        "gbps" => of(D::InformationRate, 1e9, "gbps"),
        "inch" | "inches" | "\"" | "''" => of(D::Length, 0.0254, "in"),
        "in" if attached => of(D::Length, 0.0254, "in"),
        "ft" | "foot" | "feet" => of(D::Length, 0.3048, "ft"),
        "yd" | "yard" | "yards" => of(D::Length, 0.9144, "yd"),
        "mm" | "millimeter" | "millimeters" => of(D::Length, 0.001, "mm"),
        "cm" | "centimeter" | "centimeters" => of(D::Length, 0.01, "cm"),
        "meter" | "meters" | "metre" | "metres" => of(D::Length, 1.0, "m"),
        "m" if attached => of(D::Length, 1.0, "m"),
        "km" => of(D::Length, 1000.0, "km"),
        "oz" | "ounce" | "ounces" => of(D::Mass, 0.028_349_5, "oz"),
        "lb" | "lbs" | "pound" | "pounds" => of(D::Mass, 0.453_592, "lb"),
        "kg" | "kilogram" | "kilograms" => of(D::Mass, 1.0, "kg"),
        "gram" | "grams" => of(D::Mass, 0.001, "g"),
        "g" if attached => of(D::Mass, 0.001, "g"),
        "mg" => of(D::Mass, 1e-6, "mg"),
        "ml" => of(D::Volume, 0.001, "ml"),
        "cl" => of(D::Volume, 0.01, "cl"),
        "liter" | "liters" | "litre" | "litres" => of(D::Volume, 1.0, "l"),
        "l" if attached => of(D::Volume, 1.0, "l"),
        "gal" | "gallon" | "gallons" => of(D::Volume, 3.785_41, "gal"),
        "quart" | "quarts" | "qt" => of(D::Volume, 0.946_353, "qt"),
        "watt" | "watts" => of(D::Power, 1.0, "w"),
        "w" if attached => of(D::Power, 1.0, "w"),
        "kw" => of(D::Power, 1000.0, "kw"),
        "hz" => of(D::Frequency, 1.0, "hz"),
        "khz" => of(D::Frequency, 1e3, "khz"),
        "mhz" => of(D::Frequency, 1e6, "mhz"),
        "ghz" => of(D::Frequency, 1e9, "ghz"),
        "mp" | "megapixel" | "megapixels" => of(D::Pixels, 1e6, "mp"),
        "volt" | "volts" => of(D::Voltage, 1.0, "v"),
        "v" if attached => of(D::Voltage, 1.0, "v"),
        "mah" => of(D::Charge, 0.001, "mah"),
        "ms" => of(D::Time, 0.001, "ms"),
        "sec" | "second" | "seconds" => of(D::Time, 1.0, "s"),
        "min" | "minute" | "minutes" => of(D::Time, 60.0, "min"),
        "hr" | "hrs" | "hour" | "hours" => of(D::Time, 3600.0, "h"),
        "day" | "days" => of(D::Time, 86_400.0, "d"),
        "month" | "months" => of(D::Time, 2_629_800.0, "mo"),
        "yr" | "year" | "years" => of(D::Time, 31_557_600.0, "y"),
        "x" if attached => of(D::Multiplier, 1.0, "x"),
        "pack" | "pk" | "ct" | "count" | "pcs" | "pc" | "piece" | "pieces" => of(D::Count, 1.0, "pk"),
        "rpm" => of(D::Rotation, 1.0, "rpm"),
        "%" | "percent" | "pct" => of(D::Percentage, 1.0, "%"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_agree_across_units() {
        let of = |value: f64, name: &str| {
            let unit = unit(name, true).unwrap();
            Quantity {
                dimension: unit.dimension,
                value: value * unit.factor,
            }
        };
        assert!(of(1.0, "tb").agrees(of(1024.0, "gb")));
        assert!(of(12.0, "in").agrees(of(1.0, "ft")));
        assert!(!of(12.0, "in").agrees(of(12.0, "x")));
        assert!(!of(500.0, "gb").agrees(of(1.0, "tb")));
    }

    #[test]
    fn a_word_is_no_unit_unless_it_is_attached() {
        assert!(unit("in", false).is_none());
        assert!(unit("in", true).is_some());
        assert!(unit("inch", false).is_some());
    }
}
