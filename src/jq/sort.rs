//! A merge sort that works with jq's order, which is inconsistent: a NaN is less than itself. The
//! standard library's sort may panic on that.

use std::cmp::Ordering;

/// Sorts. Equal items keep their order.
pub fn stable<T>(items: &mut Vec<T>, order: impl Fn(&T, &T) -> Ordering + Copy) {
    if items.len() < 2 {
        return;
    }
    let mut right = items.split_off(items.len() / 2);
    stable(items, order);
    stable(&mut right, order);
    // Sorted input, which is common, needs no merge.
    if order(&items[items.len() - 1], &right[0]).is_le() {
        items.append(&mut right);
        return;
    }
    let left = std::mem::replace(items, Vec::with_capacity(items.len() + right.len()));
    let (mut left, mut right) = (left.into_iter().peekable(), right.into_iter().peekable());
    while let (Some(one), Some(two)) = (left.peek(), right.peek()) {
        let next = if order(one, two).is_le() { left.next() } else { right.next() };
        items.extend(next);
    }
    items.extend(left);
    items.extend(right);
}
