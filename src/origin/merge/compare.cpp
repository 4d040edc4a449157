// One SELECT walks the chosen rows of the snapshot in key order and finds the target's row of each
// by its key: as fast as a merge, and equal keys are what the target's own collation calls equal.
#include "origin/merge/compare.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/ascii.h"
#include "origin/merge/clash.h"
#include "origin/merge/rows/cells.h"
#include "origin/merge/rows/module_tables.h"
#include "origin/merge/rows/row_ties.h"
#include "origin/merge/text_rows.h"

namespace perdure::origin {

namespace {

class Comparison {
public:
    Comparison(Stage const& stage, std::size_t at)
        : stage_(stage),
          at_(at),
          pair_(stage.pairing.pairs[at]),
          duplicates_(stage, at),
          texts_(stage, at),
          ties_(stage, at),
          table_(write_table_of(stage.changes, pair_.table)) {
        summary_.table = pair_.table;
        summary_.type = pair_.type;
    }

    Result<TableSummary> run(std::stop_token const& stop) {
        if (!pair_.opaque.empty()) {
            PD_CHECK(name_opaque());
            return summary_;
        }
        PD_CHECK(match_values(stage_.connection, pair_));
        if (pair_.key.empty() || !table_) {
            if (pair_.refused.empty()) refused_ = "the target has no such table";
            PD_CHECK(count_unplaced());
            return summary_;
        }
        if (stage_.scope.holds_rows_of(at_)) PD_CHECK(compare_rows(stop));
        if (stage_.scope.selected(at_)) PD_CHECK(only_in_target(stop));
        return summary_;
    }

private:
    Result<void> compare_rows(std::stop_token const& stop) {
        PD_CHECK(prepare());
        PD_TRY(Statement rows, stage_.connection.prepare(select_));
        for (std::uint64_t count = 0;; ++count) {
            if (count % 1024 == 0 && stop.stop_requested())
                return fail(Fault::cancelled, "stopped");
            PD_TRY(bool const more, rows.step());
            if (!more) return {};
            PD_CHECK(take(rows));
        }
    }

    /// A table whose rows cannot be looked at is named as one, if anything in it differs.
    Result<void> name_opaque() {
        if (!stage_.scope.selected(at_)) return {};
        if (stage_.request.fresh) {
            // Tables of other modules were named when the part was begun.
            bool const ordinary = !pair_.snapshot_rowid.empty() || !pair_.snapshot_primary.empty();
            return ordinary ? Result<void>(fail(Fault::unsupported, pair_.opaque)) : Result<void>{};
        }
        PD_TRY(bool const differ, shadows_differ(stage_.connection, pair_.shadows));
        ++summary_.chosen;
        ++(differ ? summary_.blocked : summary_.identical);
        if (!differ) return {};
        ++summary_.decisions[std::string(data::decision_name(data::Decision::skip))];
        return stage_.tell({.finding = MergeItem::Finding::blocked,
                            .table = pair_.table,
                            .record = data::spell_type(stage_.request.target.name, pair_.type),
                            .decision = data::Decision::skip,
                            .reason = pair_.opaque + "; --swap or --to DIR bring it back"});
    }

    /// Nothing of a table that the target lacks can be written; its rows are counted.
    Result<void> count_unplaced() {
        if (!stage_.scope.holds_rows_of(at_)) return {};
        PD_TRY(auto const rows,
               stage_.connection.integer("SELECT count(*)" + stage_.scope.from(at_, pair_)));
        summary_.chosen = summary_.blocked = static_cast<std::uint64_t>(rows);
        return {};
    }

    /// Columns: carried columns of the snapshot, its key, all stored columns of the target, its
    /// rowid, why the row was chosen, whether the target has it, and defaults of added columns.
    Result<void> prepare() {
        std::vector<std::string> out;
        for (auto const& column : pair_.columns) out.push_back("s." + identifier(column.snapshot));
        key_at_ = out.size();
        auto const primary = pair_.snapshot_primary.empty()
                                 ? std::vector<std::string>{pair_.snapshot_rowid}
                                 : pair_.snapshot_primary;
        for (auto const& column : primary) out.push_back("s." + identifier(column));
        target_at_ = out.size();
        for (auto const& column : pair_.target_columns) out.push_back("l." + identifier(column));
        rowid_at_ = out.size();
        auto const place = pair_.target_place("l");
        out.push_back(pair_.target_rowid.empty() ? "0" : place[0]);
        present_at_ = out.size();
        out.push_back(place[0] + " IS NOT NULL");
        why_at_ = out.size();
        out.push_back(stage_.scope.whole() ? "0" : "c.why");
        snapshot_rowid_at_ = out.size();
        out.push_back(pair_.snapshot_rowid.empty() ? "NULL"
                                                   : "s." + identifier(pair_.snapshot_rowid));
        auto const default_at = out.size();
        for (auto const& sql : pair_.defaults) out.push_back("(" + sql + ")");
        ties_.add_columns(out, place[0]);
        select_ = fmt::format("SELECT {}{} LEFT JOIN {} l ON {}", fmt::join(out, ", "),
                              stage_.scope.from(at_, pair_), pair_.target_name(),
                              pair_.one_row("s", "l"));
        for (std::size_t t = 0; t < pair_.target_columns.size(); ++t) {
            auto const& name = pair_.target_columns[t];
            auto const from = carried(name);
            carried_.push_back(from);
            cells_there_.push_back(from >= 0 ? from : static_cast<int>(target_at_ + t));
            auto const added = std::ranges::find(pair_.added, name) - pair_.added.begin();
            cells_new_.push_back(
                from >= 0 ? from : static_cast<int>(default_at) + static_cast<int>(added));
        }
        updated_ = moment_columns(pair_.updated);
        created_ = moment_columns(pair_.created);
        PD_TRY(auto clashes, Clashes::prepare(stage_, at_));
        clashes_.emplace(std::move(clashes));
        return {};
    }

    /// Position in pair_.columns of what fills a column of the target; -1: nothing does.
    int carried(std::string const& target) const {
        for (std::size_t i = 0; i < pair_.columns.size(); ++i) {
            if (ascii_same(pair_.columns[i].target, target)) return static_cast<int>(i);
        }
        return -1;
    }

    struct MomentColumns {
        int snapshot = -1, target = -1;
    };
    MomentColumns moment_columns(std::string const& name) const {
        MomentColumns out;
        for (std::size_t i = 0; i < pair_.columns.size() && !name.empty(); ++i) {
            if (!ascii_same(pair_.columns[i].snapshot, name)) continue;
            out.snapshot = static_cast<int>(i);
            for (std::size_t t = 0; t < pair_.target_columns.size(); ++t) {
                if (ascii_same(pair_.target_columns[t], pair_.columns[i].target)) {
                    out.target = static_cast<int>(target_at_ + t);
                }
            }
        }
        return out;
    }

    /// The place of the target's row, as Clashes spells it; empty: it has none.
    std::string own_place(Statement const& row, bool present) const {
        if (!present) return {};
        if (!pair_.target_rowid.empty()) return key_text(row, {static_cast<int>(rowid_at_)});
        std::vector<int> columns;
        for (auto const& name : pair_.target_primary) {
            for (std::size_t i = 0; i < pair_.target_columns.size(); ++i) {
                if (!ascii_same(pair_.target_columns[i], name)) continue;
                columns.push_back(static_cast<int>(target_at_ + i));
            }
        }
        return key_text(row, columns);
    }

    std::size_t snapshot_place() const {
        return pair_.snapshot_rowid.empty() ? key_at_ : snapshot_rowid_at_;
    }

    /// Why a row cannot be written for the sake of another row, or empty.
    Result<std::string> clash(Statement const& row, bool present) {
        if (clashes_->none()) return std::string();
        return clashes_->find({.statement = row,
                               .cells = present ? cells_there_ : cells_new_,
                               .snapshot_place = static_cast<int>(snapshot_place()),
                               .own = own_place(row, present)});
    }

    std::string record_name(Statement const& row) const {
        std::vector<int> columns;
        for (auto i = key_at_; i < target_at_; ++i) columns.push_back(static_cast<int>(i));
        return data::spell_record(stage_.request.target.name, pair_.type, key_text(row, columns));
    }

    // ---- one row

    Result<void> take(Statement& row) {
        ++summary_.chosen;
        auto const& reason = stage_.scope.whole()
                                 ? nothing_
                                 : stage_.scope.reason(row.integer(static_cast<int>(why_at_)));
        summary_.needed += reason.kind == Scope::Reason::Kind::needed ? 1 : 0;
        summary_.belonging += reason.kind == Scope::Reason::Kind::belongs ? 1 : 0;
        bool const present = row.integer(static_cast<int>(present_at_)) != 0;
        MergeItem item{.table = pair_.table, .why = reason.text};
        if (present && find_fields(row, item)) {
            ++summary_.identical;
            return {};
        }
        item.record = record_name(row);
        StoredImage before;
        if (present) {
            before = {row.integer(static_cast<int>(rowid_at_)), true,
                      encode_row(row, static_cast<int>(target_at_), pair_.target_columns.size())};
            item.target_state = state_of(before.values);
        }
        bool const standing = reason.kind == Scope::Reason::Kind::standing;
        if (standing) {
            ties_.let_stand(item);
        } else {
            PD_CHECK(decide(row, present, item));
        }
        auto const wanted = item.decision;
        if (data::may_write(wanted)) ties_.follow(row, reason, present, item);
        if (item.finding == MergeItem::Finding::blocked) {
            ++summary_.blocked;
        } else {
            ++(present ? summary_.conflict : summary_.create);
        }
        PD_CHECK(stage_.tell(item));
        PD_TRY(auto decision, override_of(item));
        if (!decision) {
            bool const blocked = item.finding == MergeItem::Finding::blocked;
            decision = data::may_write(wanted) && !blocked
                           ? ties_.in_fact(row, reason, present, wanted)
                           : item.decision;
        }
        ++summary_.decisions[std::string(data::decision_name(*decision))];
        PD_CHECK(ties_.note(row, static_cast<int>(snapshot_place()), present, item, *decision));
        item.decision = *decision;
        if (!data::may_write(item.decision)) return {};
        return keep_change(row, item, present ? std::optional(std::move(before)) : std::nullopt);
    }

    /// True: equal. False: `item` names the fields that differ.
    bool find_fields(Statement const& row, MergeItem& item) const {
        for (std::size_t t = 0; t < pair_.target_columns.size(); ++t) {
            int const from = carried_[t], to = static_cast<int>(target_at_ + t);
            if (from < 0 || same_column(row, from, to)) continue;
            item.fields.push_back(
                {pair_.target_columns[t], value_of(row, to), value_of(row, from)});
        }
        return item.fields.empty();
    }

    static void block(MergeItem& item, std::string reason) {
        item.finding = MergeItem::Finding::blocked;
        item.decision = data::Decision::skip;
        item.reason = std::move(reason);
    }

    Result<void> decide(Statement& row, bool present, MergeItem& item) {
        item.finding = present ? MergeItem::Finding::conflict : MergeItem::Finding::create;
        auto const& refusal =
            pair_.refused.empty() && !present ? pair_.refused_inserts : pair_.refused;
        if (!refusal.empty()) {
            // A part in a new folder is all that was asked for, or nothing.
            if (stage_.request.fresh) return fail(Fault::unsupported, refusal).with_code(15);
            block(item, refusal);
            return {};
        }
        if (!present) {
            item.decision = data::Decision::insert;
        } else {
            auto const verdict = data::resolve(
                stage_.request.strategy,
                {moment_of(row, updated_.target), moment_of(row, created_.target)},
                {moment_of(row, updated_.snapshot), moment_of(row, created_.snapshot)},
                stage_.request.now, "the snapshot's");
            item.decision = verdict.decision;
            item.reason = verdict.reason;
            if (item.decision == data::Decision::duplicate) {
                if (auto const refusal = duplicates_.refusal(); !refusal.empty()) {
                    item.decision = data::Decision::keep;
                    item.reason = refusal;
                }
            }
        }
        if (item.decision == data::Decision::insert || item.decision == data::Decision::replace) {
            PD_TRY(auto reason, clash(row, present));
            if (!reason.empty()) block(item, std::move(reason));
        }
        return {};
    }

    Result<std::optional<data::Decision>> override_of(MergeItem const& item) {
        auto const wish = stage_.request.overrides.find(item.record);
        if (wish == stage_.request.overrides.end()) return std::optional<data::Decision>();
        using enum data::Decision;
        bool const create = item.finding == MergeItem::Finding::create;
        bool const fits = wish->second == skip || wish->second == keep ||
                          (create && wish->second == insert) ||
                          (item.finding == MergeItem::Finding::conflict && wish->second != insert);
        bool const twice = wish->second == duplicate && !duplicates_.refusal().empty();
        if (fits && !twice) return std::optional(wish->second);
        return fail(Fault::invalid,
                    fmt::format("the override \"{}\" does not fit {}: {}",
                                data::decision_name(wish->second), item.record,
                                twice ? duplicates_.refusal()
                                      : (create ? "it is not in the target" : item.reason)))
            .with_code(2);
    }

    /// The row as the target would hold it.
    Bytes merged(Statement const& row, bool present) const {
        Encoder out;
        for (int const cell : present ? cells_there_ : cells_new_) encode_column(out, row, cell);
        return out.take();
    }

    Result<void> keep_change(Statement& row, MergeItem const& item,
                             std::optional<StoredImage> before) {
        Change change{.table = *table_, .record = item.record, .before = {}, .after = {}};
        auto after = merged(row, before.has_value());
        if (item.decision == data::Decision::duplicate) {
            PD_TRY(change.after, duplicates_.image(before->values, std::move(after)));
            if (!change.after) return {};  // there since an earlier run
            PD_CHECK(add(change));
            return copy_belongings(row, *change.after, item);
        }
        change.after = StoredImage{0, true, std::move(after)};
        if (before) {
            change.after->rowid = before->rowid;
        } else if (!pair_.target_rowid.empty()) {
            PD_CHECK(choose_rowid(row, *change.after));
        }
        change.before = std::move(before);
        PD_CHECK(add(change));
        return texts_.follow(change, row.integer(static_cast<int>(snapshot_rowid_at_)));
    }

    Result<void> add(Change const& change) {
        if (change.after) summary_.bytes += change.after->values.size();
        return stage_.changes.add(change);
    }

    Result<void> copy_belongings(Statement const& row, StoredImage const& after,
                                 MergeItem const& item) {
        auto const old_key = encode_row(row, static_cast<int>(key_at_), 1);
        Decoder in(after.values);
        Encoder new_key;
        for (auto const& column : pair_.target_columns) {
            PD_TRY(auto const value, data::decode_value(in));
            if (ascii_same(column, pair_.key[0].target)) data::encode_value(new_key, value);
        }
        PD_TRY(auto const copies, duplicates_.belongings(old_key, new_key.view(), item.record));
        for (auto const& copy : copies) PD_CHECK(add(copy));
        return {};
    }

    /// A hidden rowid comes back too (an index over the texts may know rows by it), if it is free.
    Result<void> choose_rowid(Statement const& row, StoredImage& after) {
        auto const& table = stage_.changes.tables()[*table_];
        auto const at = static_cast<int>(snapshot_rowid_at_);
        after.rowid_known = !row.is_null(at);
        after.rowid = row.integer(at);
        if (table.rowid_is_column || !after.rowid_known) return {};
        if (!rowid_free_) {
            PD_TRY(rowid_free_, stage_.connection.prepare(
                                    fmt::format("SELECT 1 FROM {} WHERE {} = ?1",
                                                pair_.target_name(), identifier(table.rowid))));
        }
        sqlite3_bind_int64(rowid_free_.get(), 1, after.rowid);
        PD_TRY(bool const taken, rowid_free_.step());
        rowid_free_.reset();
        after.rowid_known = !taken;
        if (taken) after.rowid = 0;
        return {};
    }

    // ---- what only the target has

    Result<void> only_in_target(std::stop_token const& stop) {
        auto const reach = stage_.scope.removable(at_) + ties_.spared();
        auto const from = fmt::format(" FROM {} l WHERE ({}) AND NOT ({})", pair_.target_name(),
                                      reach, pair_.in_snapshot("l"));
        if (!stage_.request.remove || !pair_.refused.empty()) {
            PD_TRY(auto const rows, stage_.connection.integer("SELECT count(*)" + from));
            summary_.only_target = static_cast<std::uint64_t>(rows);
            return stage_.request.remove && rows > 0 ? tell_stuck(rows) : Result<void>{};
        }
        std::vector<std::string> columns;
        for (auto const& column : pair_.target_columns)
            columns.push_back("l." + identifier(column));
        auto const place = pair_.target_place("l");
        PD_TRY(Statement rows,
               stage_.connection.prepare(fmt::format(
                   "SELECT {}, {}, {}, {}, {}{}", pair_.target_rowid.empty() ? "0" : place[0],
                   fmt::join(columns, ", "), stage_.removals.stays(at_), fmt::join(place, ", "),
                   fmt::join(pair_.target_key("l"), ", "), from)));
        while (true) {
            if (stop.stop_requested()) return fail(Fault::cancelled, "stopped");
            PD_TRY(bool const more, rows.step());
            if (!more) return {};
            PD_CHECK(remove(rows));
        }
    }

    /// Rows that were to go from a table that cannot be written.
    Result<void> tell_stuck(std::int64_t rows) {
        summary_.blocked += static_cast<std::uint64_t>(rows);
        summary_.decisions[std::string(data::decision_name(data::Decision::skip))] +=
            static_cast<std::uint64_t>(rows);
        return stage_.tell(
            {.finding = MergeItem::Finding::blocked,
             .table = pair_.table,
             .record = data::spell_type(stage_.request.target.name, pair_.type),
             .decision = data::Decision::skip,
             .reason =
                 fmt::format("{} that the snapshot lacks cannot be deleted: {}",
                             rows == 1 ? "1 row" : fmt::format("{} rows", rows), pair_.refused)});
    }

    Result<void> remove(Statement& row) {
        auto const count = pair_.target_columns.size();
        StoredImage before{row.integer(0), true, encode_row(row, 1, count)};
        int const stays_at = static_cast<int>(count) + 1;
        int const key_at = stays_at + 1 + static_cast<int>(pair_.target_place("l").size());
        MergeItem item{.finding = MergeItem::Finding::remove, .table = pair_.table};
        item.record =
            data::spell_record(stage_.request.target.name, pair_.type, key_text_from(row, key_at));
        bool const stays = row.integer(stays_at) != 0;
        if (stays) {
            PD_TRY(auto const other, stage_.removals.stays_for(at_, row, stays_at + 1));
            block(item, other + " stays and refers to it");
        } else {
            item.decision = data::Decision::replace;
            item.reason = "not in the snapshot";
        }
        ++(stays ? summary_.blocked : summary_.remove);
        item.target_state = state_of(before.values);
        PD_CHECK(stage_.tell(item));
        auto const wish = stage_.request.overrides.find(item.record);
        if (wish != stage_.request.overrides.end()) {
            if (data::may_write(wish->second)) {
                return fail(Fault::invalid,
                            fmt::format("{} can only be kept or skipped, not \"{}\"", item.record,
                                        data::decision_name(wish->second)))
                    .with_code(2);
            }
            item.decision = wish->second;
        }
        if (!data::may_write(item.decision)) {
            ++summary_.decisions[std::string(data::decision_name(item.decision))];
            return {};
        }
        ++summary_.decisions["remove"];
        Change change{
            .table = *table_, .record = item.record, .before = std::move(before), .after = {}};
        PD_CHECK(add(change));
        return texts_.follow(change, 0);
    }

    Stage const& stage_;
    std::size_t at_;
    TablePair const& pair_;
    Duplicates duplicates_;
    TextRows texts_;
    RowTies ties_;
    std::optional<std::size_t> table_;
    TableSummary summary_;
    Scope::Reason nothing_;
    std::string refused_, select_;
    std::size_t key_at_ = 0, target_at_ = 0, rowid_at_ = 0, present_at_ = 0, why_at_ = 0;
    std::size_t snapshot_rowid_at_ = 0;
    std::vector<int> carried_;
    std::vector<int> cells_there_, cells_new_;  ///< what a written row is made of
    MomentColumns updated_, created_;
    std::optional<Clashes> clashes_;
    Statement rowid_free_;
};

}  // namespace

std::optional<std::size_t> write_table_of(ChangeList const& changes, std::string const& table) {
    for (std::size_t at = 0; at < changes.tables().size(); ++at) {
        if (ascii_same(changes.tables()[at].name, table)) return at;
    }
    return std::nullopt;
}

Result<TableSummary> compare_table(Stage const& stage, std::size_t pair, std::stop_token stop) {
    return Comparison(stage, pair).run(stop);
}

}  // namespace perdure::origin
