"""The pages people open: server-rendered, over `gateway.work`; they know no table and no vendor."""
