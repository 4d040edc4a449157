#include "repository/upkeep/repair/losses.h"

#include "repository/stream/blob_list.h"
#include "repository/tree/tree_walk.h"

namespace perdure::repository {

namespace {

constexpr std::size_t losses_max = 10'000;

bool is_fatal(Error const& error) {
    return error.fault() == Fault::cancelled || error.fault() == Fault::unavailable;
}

/// Calls each for every id of a list, as far as its own blobs can be read.
/// The reason why it ended early; empty when it did not. Fails: cancelled; unavailable.
Result<std::string> each_id(BlobList const& list, ReadContext& context,
                            std::function<void(BlobId const&)> const& each,
                            std::stop_token const& stop) {
    ListReader reader(context.blobs, context.domains.common(), list);
    reader.on_list = [&](BlobId const& id) -> Result<void> {
        each(id);
        return {};
    };
    for (;;) {
        auto const id = reader.next(stop);
        if (!id && is_fatal(id.error())) return id.error();
        if (!id) return id.error().message();
        if (!*id) return std::string();
        each(**id);
    }
}

/// Why the bytes behind a list cannot be had; empty when they can.
Result<std::string> reason_against_reading(BlobList const& list, ReadContext& context,
                                           ReadableVisitor const& visitor,
                                           std::stop_token const& stop) {
    std::vector<BlobId> ids;
    PD_TRY(std::string reason, each_id(
                                   list, context,
                                   [&](BlobId const& id) {
                                       if (visitor.blob) visitor.blob(id);
                                       ids.push_back(id);
                                   },
                                   stop));
    for (BlobId const& id : ids) {
        auto const read = context.blobs.read(id, context.domains.common(), stop);
        if (read) continue;
        if (is_fatal(read.error())) return read.error();
        if (reason.empty()) reason = read.error().message();
    }
    return reason;
}

class LossNamer {
public:
    LossNamer(Snapshot const& snapshot, std::set<BlobPrefix> const& lost, ReadContext& context,
              RepairReport& report, std::stop_token stop)
        : snapshot_(snapshot),
          lost_(lost),
          context_(context),
          report_(report),
          stop_(std::move(stop)) {}

    Result<void> name(SourceSnapshot const& source) {
        source_ = &source;
        return source.rows ? name_rows() : name_tree();
    }

private:
    void tell(std::string path, std::string reason) {
        ++report_.losses_total;
        if (report_.losses.size() < losses_max) {
            report_.losses.push_back(
                {snapshot_.id(), source_->name, std::move(path), std::move(reason)});
        }
    }

    Result<void> name_tree() {
        std::optional<Error> fatal;
        ReadableVisitor visitor;
        visitor.gap = [&](std::string const& path, std::string const& reason) {
            tell(path, "the folder and all in it: " + reason);
        };
        visitor.content = [&](std::string const& path, BlobList const& list) {
            auto const reason = reason_against(list);
            if (!reason) {
                fatal = reason.error();
            } else if (!reason->empty()) {
                tell(path, *reason);
            }
        };
        PD_CHECK(walk_readable(*source_, context_, visitor, stop_));
        if (fatal) return *fatal;
        return {};
    }

    Result<std::string> reason_against(BlobList const& list) {
        std::string reason;
        auto const note = [&](BlobId const& id) {
            if (reason.empty() && lost_.contains(prefix_of(id)))
                reason = "lost blob " + to_hex(id).substr(0, 16);
        };
        PD_TRY(std::string const ended, each_id(list, context_, note, stop_));
        return reason.empty() ? ended : reason;
    }

    Result<void> name_rows() {
        context_.problems.clear();
        auto const listed = list_rows(
            *source_, [](data::RowView const&) -> Result<void> { return {}; }, context_, stop_);
        for (auto& problem : context_.problems)
            tell(std::move(problem.path), std::move(problem.reason));
        context_.problems.clear();
        if (listed || is_fatal(listed.error())) return listed;
        tell("", "everything from here on: " + listed.error().message());
        return {};
    }

    Snapshot const& snapshot_;
    std::set<BlobPrefix> const& lost_;
    ReadContext& context_;
    RepairReport& report_;
    std::stop_token stop_;
    SourceSnapshot const* source_ = nullptr;
};

}  // namespace

Result<void> walk_readable(SourceSnapshot const& source, ReadContext& context,
                           ReadableVisitor const& visitor, std::stop_token stop) {
    PD_TRY(std::string const root_reason,
           reason_against_reading(source.root, context, visitor, stop));
    if (!root_reason.empty()) {
        if (visitor.gap) visitor.gap("", root_reason);
        return {};
    }
    TreeVisitor walker;
    walker.enter = [&](std::string const& path, TreeRecord& record) -> Result<bool> {
        PD_TRY(std::string const reason,
               reason_against_reading(record.list, context, visitor, stop));
        if (!reason.empty() && visitor.gap) visitor.gap(path, reason);
        return reason.empty();
    };
    walker.leaf = [&](std::string const& path, TreeRecord& record) -> Result<void> {
        if (!has_list(record.entry)) return {};
        if (visitor.content) visitor.content(path, record.list);
        if (!visitor.blob) return {};
        PD_CHECK(each_id(record.list, context, visitor.blob, stop));
        return {};
    };
    auto const walked = walk_tree(source, context.blobs, context.domains.common(), walker, stop);
    if (walked || is_fatal(walked.error())) return walked;
    if (visitor.gap) visitor.gap("", walked.error().message());
    return {};
}

Result<void> name_losses(Snapshot const& snapshot, std::set<BlobPrefix> const& lost,
                         ReadContext& context, RepairReport& report, std::stop_token stop) {
    LossNamer namer(snapshot, lost, context, report, stop);
    for (SourceSnapshot const& source : snapshot.sources) PD_CHECK(namer.name(source));
    return {};
}

}  // namespace perdure::repository
