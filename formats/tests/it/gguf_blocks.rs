//! Every tensor type's numbers, against those of the `gguf` package (`fixtures/gguf/blocks.py`).

use std::path::Path;

use refuel_formats::gguf::{Gguf, TensorType};

fn blocks() -> Gguf {
    Gguf::open(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/gguf/blocks.gguf")).unwrap()
}

fn numbers(gguf: &Gguf, name: &str) -> Vec<f32> {
    let tensor = gguf.tensor(name).unwrap();
    let mut values = vec![0.0; tensor.values()];
    gguf.read_values(tensor, 0, &mut values).unwrap();
    values
}

#[test]
fn every_type_gives_the_numbers_of_the_format_s_own_package() {
    let gguf = blocks();
    for kind in TensorType::ALL {
        let name = kind.name();
        assert_eq!(gguf.tensor(name).unwrap().kind, kind);
        let (found, expected) = (numbers(&gguf, name), numbers(&gguf, &format!("{name}.expected")));
        assert_eq!(found.len(), 512);
        for (place, (found, expected)) in found.iter().zip(&expected).enumerate() {
            assert!(expected.is_finite());
            assert_eq!(
                found.to_bits(),
                expected.to_bits(),
                "{name}, number {place}: {found} is not {expected}"
            );
        }
    }
}

#[test]
fn a_part_of_a_tensor_is_that_part_of_its_numbers() {
    let gguf = blocks();
    for kind in TensorType::ALL {
        let whole = numbers(&gguf, kind.name());
        let tensor = gguf.tensor(kind.name()).unwrap();
        let block = kind.block_values();
        for (first, count) in [(0, block), (block, 256), (512 - block, block), (256, 256), (512, 0)] {
            let mut part = vec![f32::NAN; count];
            if first + count > 512 {
                assert_eq!(gguf.read_values(tensor, first, &mut part).unwrap_err().code(), "RF0105");
                continue;
            }
            gguf.read_values(tensor, first, &mut part).unwrap();
            assert_eq!(part, whole[first..first + count], "{} from {first}", kind.name());
        }
    }
}

#[test]
fn numbers_within_a_block_or_outside_a_tensor_can_not_be_read() {
    let gguf = blocks();
    let tensor = gguf.tensor("Q4_K").unwrap();
    for (first, count) in [(1, 256), (0, 255), (256, 512), (usize::MAX - 255, 256), (usize::MAX, 1)] {
        let error = gguf.read_values(tensor, first, &mut vec![0.0; count]).unwrap_err();
        assert_eq!(error.code(), "RF0105", "{error}");
    }
}
