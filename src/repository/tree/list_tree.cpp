#include "repository/tree/tree_walk.h"

namespace perdure::repository {

Result<void> list_tree(SourceSnapshot const& source, std::string const& below,
                       std::function<Result<void>(Listed const&)> each, ReadContext& context,
                       std::stop_token stop) {
    DomainPtr const domain = context.domains.common();
    Selection const selection({below});
    std::string path = below;
    while (path.ends_with('/')) path.pop_back();
    if (!selection.everything()) {
        PD_TRY(TreeRecord const found, find_in_tree(source, path, context.blobs, domain, stop));
        (void)found;
    }
    auto const tell = [&](std::string const& at, TreeRecord& record) -> Result<void> {
        if (at.empty() || !selection.holds(at)) return {};
        return each(Listed{at, record.entry});
    };
    TreeVisitor visitor;
    visitor.enter = [&](std::string const& at, TreeRecord& record) -> Result<bool> {
        if (!selection.leads_to(at)) return false;
        PD_CHECK(tell(at, record));
        return true;
    };
    visitor.leaf = tell;
    return walk_tree(source, context.blobs, domain, visitor, stop);
}

}  // namespace perdure::repository
