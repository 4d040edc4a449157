#pragma once

#include "origin/merge/compare.h"

namespace perdure::origin {

/// What the ties of one table mean for its rows while they are compared.
class RowTies {
public:
    RowTies(Stage const& stage, std::size_t pair);

    /// Adds to the columns of a SELECT over `s` and `l` what the other methods look at; `there`:
    /// SQL that is NULL where the target lacks the row.
    void add_columns(std::vector<std::string>& columns, std::string const& there);
    /// A row that nobody chose and others refer to, where the target has another one.
    void let_stand(MergeItem& item) const;
    /// A row that would be written goes the way of what it hangs on, or is not written. `row`
    /// begins with TablePair::columns.
    void follow(Statement const& row, Scope::Reason const& reason, bool present, MergeItem& item);
    /// The same where a person decided otherwise for what it hangs on: a plan tells what follows
    /// from its own decisions, whatever becomes of them. What is done instead of `wanted`.
    data::Decision in_fact(Statement const& row, Scope::Reason const& reason, bool present,
                           data::Decision wanted);
    /// Remembers a row that is not written for those that hang on it; `place`: as Ties::note;
    /// `item`: as it was told.
    Result<void> note(Statement const& row, int place, bool present, MergeItem const& item,
                      data::Decision in_fact);
    /// SQL for --delete: " AND …", since what was hung onto a record that stays is a part of it.
    std::string spared() const;

private:
    enum class Verdict { none, stays, gone, another };
    Verdict judge(Tie const& tie, unsigned standing, bool belongs) const;
    unsigned standing(Statement const& row, std::size_t tie) const;
    unsigned left_by(MergeItem const& item, data::Decision decision, bool present, bool held) const;
    std::string parent_name(Statement const& row, Tie const& tie) const;
    Stage const& stage_;
    std::size_t at_;
    TablePair const& pair_;
    std::vector<Tie const*> ties_;  ///< to rows that do not become what they were
    std::size_t another_at_ = 0, ties_at_ = 0;
    bool held_ = false;  ///< the row at hand is not written because of a tie, says the plan
    bool held_in_fact_ = false;
};

}  // namespace perdure::origin
