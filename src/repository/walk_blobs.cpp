#include "repository/rows/roster.h"
#include "repository/tree/tree_walk.h"

namespace perdure::repository {

namespace {

using Each = std::function<Result<void>(BlobId const&, Handle const&)>;

/// Every blob of a list, those that hold ids included.
Result<void> walk_list(BlobList const& list, DomainPtr const& domain, Each const& each,
                       ReadContext& context, std::stop_token stop) {
    Handle const& handle = domain->handle();
    ListReader ids(context.blobs, domain, list);
    ids.on_list = [&](BlobId const& id) { return each(id, handle); };
    while (true) {
        PD_TRY(std::optional<BlobId> const id, ids.next(stop));
        if (!id) return {};
        PD_CHECK(each(*id, handle));
    }
}

Result<void> walk_tree_blobs(SourceSnapshot const& source, Each const& each, ReadContext& context,
                             std::stop_token stop) {
    DomainPtr const domain = context.domains.common();
    PD_CHECK(walk_list(source.root, domain, each, context, stop));
    TreeVisitor visitor;
    visitor.blob = [&](BlobId const& id) { return each(id, domain->handle()); };
    visitor.leaf = [&](std::string const&, TreeRecord& record) {
        return walk_list(record.list, domain, each, context, stop);
    };
    return walk_tree(source, context.blobs, domain, visitor, stop);
}

Result<void> walk_row_blobs(SourceSnapshot const& source, Each const& each, ReadContext& context,
                            std::stop_token stop) {
    DomainPtr const common = context.domains.common();
    PD_CHECK(walk_list(source.schema, common, each, context, stop));
    RosterReader roster(context.blobs, common, source.root);
    roster.records().watch([&](BlobId const& id) { return each(id, common->handle()); });
    while (true) {
        PD_TRY(std::optional<RosterEntry> const entry, roster.next(stop));
        if (!entry) return {};
        PD_CHECK(each(entry->id, entry->handle));
        if (entry->base) PD_CHECK(each(*entry->base, entry->handle));
    }
}

}  // namespace

Result<void> walk_blobs(Snapshot const& snapshot, Each each, ReadContext& context,
                        std::stop_token stop) {
    for (SourceSnapshot const& source : snapshot.sources) {
        auto const walked = source.rows ? walk_row_blobs(source, each, context, stop)
                                        : walk_tree_blobs(source, each, context, stop);
        if (!walked) return Error(walked.error()).within("source " + source.name);
    }
    return {};
}

}  // namespace perdure::repository
