module example.org/publisher

go 1.19
