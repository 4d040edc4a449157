#include "origin/merge/rows/row_ties.h"

#include <fmt/format.h>

#include <utility>

#include "base/ascii.h"
#include "origin/merge/clash.h"

namespace perdure::origin {

RowTies::RowTies(Stage const& stage, std::size_t pair)
    : stage_(stage), at_(pair), pair_(stage.pairing.pairs[pair]) {
    if (stage.request.fresh) return;
    for (auto const* tie : stage.ties.noted(pair)) {
        // Where the whole source was chosen, so were the rows that belong to records.
        if (!tie->belongs || !stage.scope.whole()) ties_.push_back(tie);
    }
}

void RowTies::add_columns(std::vector<std::string>& columns, std::string const& there) {
    another_at_ = columns.size();
    bool const asked = stage_.ties.is_parent(at_) && !stage_.request.fresh;
    columns.push_back(
        asked ? fmt::format("({} IS NOT NULL AND {})", there, stage_.ties.is_another(at_)) : "0");
    ties_at_ = columns.size();
    for (auto const* tie : ties_) columns.push_back(stage_.ties.standing(*tie));
}

void RowTies::let_stand(MergeItem& item) const {
    item.finding = MergeItem::Finding::conflict;
    item.decision = data::Decision::keep;
    item.reason = "another one stands there, and nobody chose it: it stays";
    item.target_state.clear();  // what else changes in it does not make a plan stale
    std::erase_if(item.fields,
                  [&](auto const& field) { return !stage_.ties.identifies(at_, field.name); });
}

RowTies::Verdict RowTies::judge(Tie const& tie, unsigned standing, bool belongs) const {
    if (standing == 0 || (tie.belongs && !belongs)) return Verdict::none;
    bool const barred = tie.declared && (standing & Ties::barred) != 0;
    bool const gone = barred || (standing & (tie.belongs ? Ties::absent : Ties::held)) != 0;
    if (gone) return Verdict::gone;
    if (tie.belongs) return Verdict::stays;
    return tie.decides && (standing & Ties::another) != 0 ? Verdict::another : Verdict::none;
}

void RowTies::follow(Statement const& row, Scope::Reason const& reason, bool present,
                     MergeItem& item) {
    bool const belongs = reason.kind == Scope::Reason::Kind::belongs;
    for (std::size_t i = 0; i < ties_.size(); ++i) {
        auto const& tie = *ties_[i];
        auto const verdict = judge(tie, Ties::planned(standing(row, i)), belongs);
        if (verdict == Verdict::none) continue;
        if (verdict == Verdict::stays) {
            item.decision = present ? data::Decision::keep : data::Decision::skip;
            item.reason = parent_name(row, tie) + ", to which it belongs, stays as it is";
            return;
        }
        item.finding = MergeItem::Finding::blocked;
        item.decision = data::Decision::skip;
        item.reason =
            verdict == Verdict::gone
                ? parent_name(row, tie) + " does not come back"
                : fmt::format(
                      "{} is another {} in the target: choose it, too, with "
                      "--merge-strategy overwrite, or use --to DIR",
                      parent_name(row, tie), stage_.ties.is_person(tie.parent) ? "person" : "one");
        held_ = true;
        return;
    }
}

data::Decision RowTies::in_fact(Statement const& row, Scope::Reason const& reason, bool present,
                                data::Decision wanted) {
    bool const belongs = reason.kind == Scope::Reason::Kind::belongs;
    for (std::size_t i = 0; i < ties_.size(); ++i) {
        auto const verdict = judge(*ties_[i], Ties::in_fact(standing(row, i)), belongs);
        if (verdict == Verdict::none) continue;
        if (verdict == Verdict::stays && present) return data::Decision::keep;
        held_in_fact_ = verdict != Verdict::stays;
        return data::Decision::skip;
    }
    return wanted;
}

unsigned RowTies::standing(Statement const& row, std::size_t tie) const {
    return static_cast<unsigned>(row.integer(static_cast<int>(ties_at_ + tie)));
}

std::string RowTies::parent_name(Statement const& row, Tie const& tie) const {
    auto const& parent = stage_.pairing.pairs[tie.parent];
    std::vector<int> columns;
    for (auto const& name : tie.child_columns) {
        for (std::size_t i = 0; i < pair_.columns.size(); ++i) {
            if (!ascii_same(pair_.columns[i].snapshot, name)) continue;
            columns.push_back(static_cast<int>(i));
        }
    }
    return data::spell_record(stage_.request.target.name, parent.type, key_text(row, columns));
}

unsigned RowTies::left_by(MergeItem const& item, data::Decision decision, bool present,
                          bool held) const {
    // The one that a duplicate is put beside stays as it is.
    bool const becomes = data::may_write(decision) && decision != data::Decision::duplicate;
    if (becomes) return 0;
    unsigned standing = Ties::stays;
    if (present) return standing;
    standing |= Ties::absent;
    if (held) standing |= Ties::held;
    if (item.finding == MergeItem::Finding::blocked) standing |= Ties::barred;
    return standing;
}

Result<void> RowTies::note(Statement const& row, int place, bool present, MergeItem const& item,
                           data::Decision in_fact) {
    bool const held = std::exchange(held_, false);
    bool const held_in_fact = std::exchange(held_in_fact_, false);
    if (!stage_.ties.is_parent(at_) || stage_.request.fresh) return {};
    auto planned = left_by(item, item.decision, present, held);
    auto done = left_by(item, in_fact, present, held_in_fact);
    if (planned == 0 && done == 0) return {};
    bool const another = row.integer(static_cast<int>(another_at_)) != 0;
    if (another && planned != 0) planned |= Ties::another;
    if (another && done != 0) done |= Ties::another;
    return stage_.ties.note(at_, row, place, Ties::both(planned, done));
}

std::string RowTies::spared() const {
    std::string out;
    if (stage_.scope.removable(at_) == "1") return out;
    for (auto const* tie : ties_) {
        if (!tie->belongs) continue;
        for (auto const& column : pair_.columns) {
            if (!ascii_same(column.snapshot, tie->child_columns[0])) continue;
            out += fmt::format(" AND l.{} NOT IN ({})", identifier(column.target),
                               stage_.ties.noted_keys(*tie));
        }
    }
    return out;
}

}  // namespace perdure::origin
