#include "policy/retention.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <set>

namespace perdure::policy {

namespace {

using Period = std::function<std::string(Timestamp)>;

std::chrono::sys_days day_of(Timestamp time) {
    return std::chrono::floor<std::chrono::days>(
        std::chrono::sys_seconds(std::chrono::seconds(time.seconds)));
}

std::string hour_name(Timestamp time) {
    return to_rfc3339(time).substr(0, 13);
}
std::string day_name(Timestamp time) {
    return to_rfc3339(time).substr(0, 10);
}
std::string month_name(Timestamp time) {
    return to_rfc3339(time).substr(0, 7);
}
std::string year_name(Timestamp time) {
    return to_rfc3339(time).substr(0, 4);
}
/// The Monday that starts the ISO week.
std::string week_name(Timestamp time) {
    auto const day = day_of(time);
    auto const since_monday = std::chrono::weekday(day) - std::chrono::Monday;
    return "from " + day_name({(day - since_monday).time_since_epoch().count() * 86400LL, 0});
}

struct Row {
    Candidate candidate;
    Verdict verdict;
    Timestamp latest;                   ///< it was received then, or before
    std::optional<Timestamp> earliest;  ///< and not before this; empty: nobody knows
};
using Rows = std::vector<Row*>;  ///< newest first

/// Once a rule: another order of the same snapshots may keep it for the same reason.
void keep(Verdict& verdict, std::string_view rule, std::string const& detail = {}) {
    verdict.keep = true;
    bool const told = std::ranges::any_of(
        verdict.reasons, [&](std::string const& reason) { return reason.starts_with(rule); });
    if (!told) verdict.reasons.push_back(std::string(rule) + detail);
}

/// Keeps the newest good row of each of the `count` newest non-empty periods. Where nobody knows in
/// which period a row was received it may have been alone in one: then it stays, and takes no other
/// row's place.
void keep_periods(Rows const& rows, unsigned count, std::string_view rule, Period const& period) {
    std::set<std::string> seen;
    for (auto* row : rows) {
        auto& verdict = row->verdict;
        if (!row->candidate.good) continue;
        auto const name = period(row->latest);
        bool const is_known = row->earliest && period(*row->earliest) == name;
        if (is_known && seen.contains(name)) continue;
        if (seen.size() == count) return;
        if (is_known) {
            seen.insert(name);
            keep(verdict, rule, name);
        } else {
            keep(verdict, rule, "at some time before " + to_rfc3339(row->latest));
        }
    }
}

void keep_last(Rows const& rows, unsigned count) {
    unsigned kept = 0;
    for (auto* row : rows) {
        auto& candidate = row->candidate;
        auto& verdict = row->verdict;
        if (!candidate.good) continue;
        if (kept == count) return;
        keep(verdict, "last ", fmt::format("{} of {}", ++kept, count));
    }
}

void keep_by_rules(RetentionRules const& rules, Rows const& rows) {
    keep_last(rows, rules.last);
    keep_periods(rows, rules.hourly, "hourly ", hour_name);
    keep_periods(rows, rules.daily, "daily ", day_name);
    keep_periods(rows, rules.weekly, "weekly ", week_name);
    keep_periods(rows, rules.monthly, "monthly ", month_name);
    keep_periods(rows, rules.yearly, "yearly ", year_name);
}

/// The orders in which the newest may come first; most often they are one and the same.
std::vector<Rows> orders_of(std::vector<Row>& rows) {
    Rows by_receipt;
    for (auto& row : rows) by_receipt.push_back(&row);
    std::ranges::stable_sort(by_receipt, std::greater(), [](Row* row) {
        return std::pair(row->latest, row->candidate.sequence);
    });
    Rows by_number = by_receipt;
    std::ranges::stable_sort(by_number, std::greater(),
                             [](Row* row) { return row->candidate.sequence; });
    std::vector<Rows> orders{by_receipt, by_number};
    for (auto order : {std::move(by_receipt), std::move(by_number)}) {
        std::erase_if(order, [](Row* row) { return row->candidate.safety; });
        orders.push_back(std::move(order));
    }
    return orders;
}

/// A receipt that is still to come was stamped by a clock that was ahead. What its writer made
/// later had not come yet then: of those receipts the first that can be right (not before what the
/// writer made earlier) is as late as it can have been, and what the writer made earlier as early.
/// Where these contradict each other, or nothing came later, that end stays open.
void bound(std::vector<Row> const& rows, Row& row, Timestamp now) {
    auto const number = row.candidate.sequence;
    row.earliest = row.latest = row.candidate.received;
    if (row.latest <= now) return;
    std::optional<Timestamp> earliest, latest;
    bool contradicted = false;
    for (auto const& other : rows) {
        auto const& one = other.candidate;
        if (one.sequence < number && one.received <= now)
            earliest = std::max(earliest.value_or(one.received), one.received);
    }
    for (auto const& other : rows) {
        auto const& one = other.candidate;
        if (one.sequence <= number || one.received > now) continue;
        bool const can_be_right = !earliest || one.received >= *earliest;
        if (can_be_right) latest = std::min(latest.value_or(one.received), one.received);
        contradicted = contradicted || !can_be_right;
    }
    if (latest) row.latest = *latest;
    row.earliest = contradicted ? std::nullopt : earliest;
}

void judge_group(RetentionRules const& rules, std::vector<Row>& rows, Timestamp now) {
    for (auto& row : rows) bound(rows, row, now);
    auto const orders = orders_of(rows);
    for (auto const& order : orders) keep_by_rules(rules, order);
    for (auto& row : rows) {
        if (rules.within && row.latest + *rules.within >= now) keep(row.verdict, "within");
        if (row.candidate.pinned) keep(row.verdict, "pinned");
        if (row.candidate.held) keep(row.verdict, "legal hold");
    }
    for (auto const& order : orders) {
        auto const good = std::ranges::find_if(order, [](Row* row) { return row->candidate.good; });
        if (good != order.end() && !(*good)->verdict.keep) keep((*good)->verdict, "last good");
    }
    std::ranges::stable_sort(rows, std::greater(), [](Row const& row) {
        return std::pair(row.latest, row.candidate.sequence);
    });
}

bool receipts_tell_nothing(std::vector<Candidate> const& candidates) {
    constexpr std::int64_t day_seconds = 86400;
    if (candidates.size() < 4) return false;
    std::vector<std::int64_t> received, claimed;
    for (auto const& candidate : candidates) {
        received.push_back(candidate.received.seconds);
        claimed.push_back(candidate.claimed.seconds);
    }
    auto const [first, last] = std::minmax_element(claimed.begin(), claimed.end());
    if (*last - *first <= 7 * day_seconds) return false;
    std::sort(received.begin(), received.end());
    std::size_t const more_than_half = received.size() / 2 + 1;
    for (std::size_t i = 0; i + more_than_half <= received.size(); ++i) {
        if (received[i + more_than_half - 1] - received[i] <= day_seconds) return true;
    }
    return false;
}

}  // namespace

Result<std::vector<Verdict>> judge(RetentionRules const& rules, std::vector<Candidate> candidates,
                                   Timestamp now) {
    if (rules.empty()) {
        return fail(Fault::invalid, "the retention policy keeps nothing")
            .with_fix("give at least one of last, hourly, daily, weekly, monthly, yearly, within");
    }
    if (receipts_tell_nothing(candidates)) {
        return fail(
                   Fault::conflict,
                   "more than half of the snapshots arrived within one day, yet claim to span more "
                   "than a week: they were copied here, or a clock is wrong")
            .with_fix("delete snapshots one by one, or wait until their receipt times differ");
    }
    std::map<std::string, std::vector<Row>> groups;
    for (auto& candidate : candidates) {
        Verdict verdict{.id = candidate.id};
        auto const group = candidate.group;
        groups[group].push_back({std::move(candidate), std::move(verdict), {}, {}});
    }
    std::vector<Verdict> verdicts;
    for (auto& [group, rows] : groups) {
        judge_group(rules, rows, now);
        for (auto& row : rows) verdicts.push_back(std::move(row.verdict));
    }
    return verdicts;
}

}  // namespace perdure::policy
