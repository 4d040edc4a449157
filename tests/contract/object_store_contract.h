#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>

#include "store/object_store.h"

namespace perdure::store {

/// A fresh, empty store, and a second handle to the same place (another client of it).
struct StoreUnderTest {
    std::shared_ptr<ObjectStore> store;
    std::shared_ptr<ObjectStore> second;
    std::shared_ptr<void> keep_alive;  ///< what must outlive both: a scratch folder, a server
};

struct StoreMaker {
    std::string name;  ///< [A-Za-z0-9]: becomes a part of the test's name
    std::function<StoreUnderTest()> make;
};

/// What every store must do. A new store adds an INSTANTIATE_TEST_SUITE_P with its makers.
class ObjectStoreContract : public testing::TestWithParam<StoreMaker> {
protected:
    void SetUp() override {
        made_ = GetParam().make();
        ASSERT_NE(made_.store, nullptr);
        store_ = made_.store.get();
        second_ = made_.second.get();
    }
    Result<void> put(ObjectName const& name, std::string_view body,
                     PutMode mode = PutMode::if_absent) {
        return store_->put(name, as_bytes(body), mode, {});
    }
    std::string text_of(ObjectStore& store, ObjectName const& name);
    std::vector<std::string> names(ObjectStore& store, std::string const& prefix);

    StoreUnderTest made_;
    ObjectStore* store_ = nullptr;
    ObjectStore* second_ = nullptr;
};

inline std::string maker_name(testing::TestParamInfo<StoreMaker> const& info) {
    return info.param.name;
}

}  // namespace perdure::store
