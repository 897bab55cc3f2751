//! The records that share most with each record, found through what they share.

use rayon::prelude::*;

use crate::sources::Sources;

/// Terms of each record, with the records that have each: a sparse matrix by rows and by columns.
#[derive(Debug)]
pub(crate) struct Index {
    /// For each record, its terms (as numbers) with their weights, the rarest first.
    rows: Vec<Vec<(u32, f32)>>,
    /// Records and weights of all terms, one after another.
    postings: Vec<(u32, f32)>,
    /// Where the postings of each term begin; one more for the end.
    starts: Vec<usize>,
}

impl Index {
    /// An index of terms, given by hash for each record, each once. A term weighs `ln(1 + N / n)` where n of N records have
    /// it, and the squares of a record's weights add up to 1, so that what is found is the cosine.
    pub(crate) fn new(terms: &[Vec<u64>]) -> Self {
        let mut entries: Vec<(u64, u32)> = terms
            .iter()
            .enumerate()
            .flat_map(|(record, terms)| terms.iter().map(move |term| (*term, record as u32)))
            .collect();
        entries.par_sort_unstable();
        let mut rows: Vec<Vec<(u32, f32)>> = vec![Vec::new(); terms.len()];
        let mut starts = vec![0];
        let mut postings: Vec<(u32, f32)> = Vec::new();
        let mut squares = vec![0f32; terms.len()];
        for run in entries.chunk_by(|a, b| a.0 == b.0) {
            let weight = (terms.len() as f64 / run.len() as f64).ln_1p() as f32;
            run.iter()
                .for_each(|(_, record)| squares[*record as usize] += weight * weight);
            if run.len() < 2 {
                continue;
            }
            let number = (starts.len() - 1) as u32;
            for (_, record) in run {
                rows[*record as usize].push((number, weight));
                postings.push((*record, weight));
            }
            starts.push(postings.len());
        }
        let norm = |record: u32| squares[record as usize].sqrt();
        rows.par_iter_mut().enumerate().for_each(|(record, row)| {
            row.iter_mut().for_each(|term| term.1 /= norm(record as u32));
            row.sort_by_key(|(term, _)| (starts[*term as usize + 1] - starts[*term as usize], *term));
        });
        postings
            .iter_mut()
            .for_each(|(record, weight)| *weight /= norm(*record));
        Self { rows, postings, starts }
    }

    /// For each record, those with the highest cosine, best first. A record looks through the rarest of its terms until
    /// `budget` records have been seen, which bounds the time however frequent its terms are.
    pub(crate) fn nearest(&self, count: usize, budget: usize, sources: &Sources) -> Vec<Vec<u32>> {
        let fresh = || (vec![0f32; self.rows.len()], Vec::<u32>::new());
        (0..self.rows.len() as u32)
            .into_par_iter()
            .map_init(fresh, |(scores, touched), record| {
                let mut seen = 0;
                for (term, weight) in &self.rows[record as usize] {
                    let postings = &self.postings[self.starts[*term as usize]..self.starts[*term as usize + 1]];
                    seen += postings.len();
                    if seen > budget {
                        break;
                    }
                    for (other, theirs) in postings {
                        let score = &mut scores[*other as usize];
                        if *score == 0.0 {
                            touched.push(*other);
                        }
                        *score += weight * theirs;
                    }
                }
                touched.retain(|other| {
                    let keep = sources.comparable(record, *other);
                    if !keep {
                        scores[*other as usize] = 0.0;
                    }
                    keep
                });
                let best = |a: &u32, b: &u32| scores[*b as usize].total_cmp(&scores[*a as usize]).then(a.cmp(b));
                if touched.len() > count && count > 0 {
                    touched.select_nth_unstable_by(count - 1, best);
                }
                let mut found: Vec<u32> = touched.iter().copied().take(count).collect();
                found.sort_by(best);
                touched.drain(..).for_each(|other| scores[other as usize] = 0.0);
                found
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_record_that_shares_the_rarest_terms_comes_first() {
        let index = Index::new(&[vec![1, 2, 9], vec![1, 2, 8], vec![1, 7], vec![1, 6], vec![5]]);
        let nearest = index.nearest(2, 100, &Sources::one_table(5));
        assert_eq!(nearest[0][0], 1);
        assert_eq!(nearest[0].len(), 2);
        assert!(nearest[4].is_empty());
    }

    #[test]
    fn frequent_terms_are_left_out_when_the_budget_is_used_up() {
        let index = Index::new(&[vec![1, 2], vec![1, 2], vec![1], vec![1]]);
        let nearest = index.nearest(9, 3, &Sources::one_table(4));
        assert_eq!(nearest[0], [1]);
        assert!(nearest[2].is_empty(), "its only term is in four records");
    }

    proptest! {
        #[test]
        fn it_finds_what_comparing_all_finds(terms in prop::collection::vec(prop::collection::btree_set(0u64..12, 0..6), 1..20)) {
            let terms: Vec<Vec<u64>> = terms.into_iter().map(|set| set.into_iter().collect()).collect();
            let sources = Sources::one_table(terms.len());
            let found = Index::new(&terms).nearest(usize::MAX, usize::MAX, &sources);
            for (i, mine) in terms.iter().enumerate() {
                let mut expected: Vec<u32> = (0..terms.len())
                    .filter(|j| *j != i && terms[*j].iter().any(|term| mine.contains(term)))
                    .map(|j| j as u32)
                    .collect();
                let mut found = found[i].clone();
                found.sort_unstable();
                expected.sort_unstable();
                prop_assert_eq!(found, expected);
            }
        }
    }
}
