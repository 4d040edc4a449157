#include "origin/merge/rows/row_ties.h"

#include <fmt/format.h>

#include <utility>

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

void RowTies::follow(Statement const& row, Scope::Reason const& reason, bool present,
                     MergeItem& item) {
    bool const belongs = reason.kind == Scope::Reason::Kind::belongs;
    for (std::size_t i = 0; i < ties_.size(); ++i) {
        auto const& tie = *ties_[i];
        auto const standing = static_cast<unsigned>(row.integer(static_cast<int>(ties_at_ + i)));
        if (standing == 0 || (tie.belongs && !belongs)) continue;
        bool const gone = (standing & (tie.belongs ? Ties::absent : Ties::held)) != 0;
        if (tie.belongs && !gone) {
            item.decision = present ? data::Decision::keep : data::Decision::skip;
            item.reason = parent_name(row, tie) + ", to which it belongs, stays as it is";
            return;
        }
        bool const another = tie.decides && (standing & Ties::another) != 0;
        if (!gone && !another) continue;
        item.finding = MergeItem::Finding::blocked;
        item.decision = data::Decision::skip;
        item.reason =
            gone ? parent_name(row, tie) + " does not come back"
                 : fmt::format(
                       "{} is another {} in the target: choose it, too, with "
                       "--merge-strategy overwrite, or use --to DIR",
                       parent_name(row, tie), stage_.ties.is_person(tie.parent) ? "person" : "one");
        held_ = true;
        return;
    }
}

std::string RowTies::parent_name(Statement const& row, Tie const& tie) const {
    auto const& parent = stage_.pairing.pairs[tie.parent];
    std::vector<int> columns;
    for (auto const& name : tie.child_columns) {
        for (std::size_t i = 0; i < pair_.columns.size(); ++i) {
            if (!same_name(pair_.columns[i].snapshot, name)) continue;
            columns.push_back(static_cast<int>(i));
        }
    }
    return data::spell_record(stage_.request.target.name, parent.type, key_text(row, columns));
}

Result<void> RowTies::note(Statement const& row, int place, bool present, MergeItem const& item) {
    bool const held = std::exchange(held_, false);
    // The one that a duplicate is put beside stays as it is.
    bool const becomes =
        data::may_write(item.decision) && item.decision != data::Decision::duplicate;
    if (becomes || !stage_.ties.is_parent(at_) || stage_.request.fresh) return {};
    unsigned standing = Ties::stays;
    if (row.integer(static_cast<int>(another_at_)) != 0) standing |= Ties::another;
    if (!present) standing |= Ties::absent;
    if (!present && held) standing |= Ties::held;
    return stage_.ties.note(at_, row, place, standing);
}

std::string RowTies::spared() const {
    std::string out;
    if (stage_.scope.removable(at_) == "1") return out;
    for (auto const* tie : ties_) {
        if (!tie->belongs) continue;
        for (auto const& column : pair_.columns) {
            if (!same_name(column.snapshot, tie->child_columns[0])) continue;
            out += fmt::format(" AND l.{} NOT IN ({})", identifier(column.target),
                               stage_.ties.noted_keys(*tie));
        }
    }
    return out;
}

}  // namespace perdure::origin
