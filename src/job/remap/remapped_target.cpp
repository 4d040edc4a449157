#include "job/remap/remapped_target.h"

namespace perdure::job {

namespace {

std::string name_of(std::string const& path) {
    auto const slash = path.rfind('/');
    return slash == std::string::npos ? path : path.substr(slash + 1);
}

class RemappedTree final : public data::TreeTarget {
public:
    RemappedTree(std::unique_ptr<data::TreeTarget> target, Remap const& remap)
        : target_(std::move(target)), remap_(remap) {
        for (auto& folder : remap_.paths.new_folders()) needed_.insert(std::move(folder));
    }

    Result<void> make_folder(std::string const& path, data::Entry const& entry) override {
        auto const [there, mapped] = map(path, entry);
        if (there.empty() && !path.empty()) return {};  // it becomes the root, which is there
        std::lock_guard lock(mutex_);
        PD_CHECK(make_above(there));
        // One that a rule needs was made before; it gets its own entry in the end.
        if (!made_.insert(there).second) return {};
        return target_->make_folder(there, mapped);
    }
    Result<void> write_file(std::string const& path, data::Entry const& entry,
                            data::ByteSource& content) override {
        auto const [there, mapped] = map(path, entry);
        {
            std::lock_guard lock(mutex_);
            PD_CHECK(claim(path, there));
            PD_CHECK(make_above(there));
        }
        return target_->write_file(there, mapped, content);
    }
    Result<void> make_other(std::string const& path, data::Entry const& entry) override {
        auto const [there, mapped] = map(path, entry);
        std::lock_guard lock(mutex_);
        PD_CHECK(claim(path, there));
        PD_CHECK(make_above(there));
        return target_->make_other(there, mapped);
    }
    Result<void> finish_folder(std::string const& path, data::Entry const& entry) override {
        auto const [there, mapped] = map(path, entry);
        if (there.empty() && !path.empty()) return {};
        return target_->finish_folder(there, mapped);
    }
    std::vector<data::Problem> take_problems() override { return target_->take_problems(); }

private:
    std::pair<std::string, data::Entry> map(std::string const& path,
                                            data::Entry const& entry) const {
        std::pair<std::string, data::Entry> out{remap_.paths.apply(path), entry};
        remap_.owners.apply(out.second);
        if (remap_.paths.empty()) return out;
        if (!path.empty()) out.second.name = name_of(out.first);
        if (!entry.same_as.empty()) out.second.same_as = remap_.paths.apply(entry.same_as);
        if (entry.kind == data::EntryKind::symlink) {
            out.second.link_target = remap_.paths.apply_link(entry.link_target);
        }
        return out;
    }

    Result<void> claim(std::string const& path, std::string const& there) {
        if (there == path && remap_.paths.empty()) return {};
        if (there.empty()) {
            return fail(Fault::invalid, path + " would take the place of the source's folder")
                .with_code(2)
                .with_fix("map it to a name");
        }
        if (claimed_.insert(there).second) return {};
        return fail(Fault::conflict, "two paths would become " + there + ", the second is " + path)
            .with_code(15)
            .with_fix("choose other rules for --map-path");
    }

    /// Folders that only a rule names, where something comes into them: a rule that meets nothing
    /// in this tree leaves none behind. `mutex_` is held.
    Result<void> make_above(std::string const& there) {
        for (auto slash = there.find('/'); slash != std::string::npos && !needed_.empty();
             slash = there.find('/', slash + 1)) {
            auto const folder = there.substr(0, slash);
            if (!needed_.contains(folder) || !made_.insert(folder).second) continue;
            data::Entry entry;
            entry.kind = data::EntryKind::folder;
            entry.name = name_of(folder);
            entry.mode = 0755;
            PD_CHECK(target_->make_folder(folder, entry));
        }
        return {};
    }

    std::unique_ptr<data::TreeTarget> target_;
    Remap const& remap_;
    std::set<std::string> needed_;  ///< above the places that rules name
    std::mutex mutex_;
    std::set<std::string> made_, claimed_;
};

class RemappedMedia final : public data::RowTarget {
public:
    RemappedMedia(std::unique_ptr<data::RowTarget> target, Remap const& remap)
        : target_(std::move(target)), remap_(remap) {}
    Result<void> begin(data::DatabaseSchema const& schema) override {
        return target_->begin(schema);
    }
    Result<void> add(data::RowView const& row) override { return target_->add(row); }
    Result<void> add_media(data::Entry const& entry, std::string const& path,
                           data::ByteSource& content) override {
        data::Entry mapped = entry;
        remap_.owners.apply(mapped);
        return target_->add_media(mapped, path, content);
    }
    Result<void> finish(std::stop_token stop) override { return target_->finish(std::move(stop)); }
    std::vector<data::Problem> take_problems() override { return target_->take_problems(); }

private:
    std::unique_ptr<data::RowTarget> target_;
    Remap const& remap_;
};

}  // namespace

std::unique_ptr<data::TreeTarget> remap_tree(std::unique_ptr<data::TreeTarget> target,
                                             Remap const& remap) {
    return std::make_unique<RemappedTree>(std::move(target), remap);
}

std::unique_ptr<data::RowTarget> remap_media(std::unique_ptr<data::RowTarget> target,
                                             Remap const& remap) {
    return std::make_unique<RemappedMedia>(std::move(target), remap);
}

}  // namespace perdure::job
